use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(db: ) {}

fn main() {
    let _task = sync_ledger(7);
}
