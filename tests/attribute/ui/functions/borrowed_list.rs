use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(accounts: &[u64]) {
    println!("{accounts:?}");
}

fn main() {
    let _task = sync_ledger(&[7]);
}
