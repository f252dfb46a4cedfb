use std::borrow::Cow;

use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger<'a>(account: Cow<'a, str>) {
    println!("{account}");
}

fn main() {
    let _task = sync_ledger("savings".into());
}
