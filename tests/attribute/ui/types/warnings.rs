#![deny(warnings)]

use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(unused: u8) {
    let mut needless = 7;
    println!("{needless}");
}

#[leader_only(lease = "ledger")]
async fn never_called() {}

fn main() {
    sync_ledger(7);
}
