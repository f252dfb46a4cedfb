use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger<T: Clone + Send>(db: T) {
    let _ = db;
}

fn main() {
    let _task = sync_ledger(7);
}
