use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger() {
    let balance: u64 = "7".parse()?;
    println!("{balance}");
}

fn main() {
    let _task = sync_ledger();
}
