use lease_runtime::leader_only;

struct Db;

#[leader_only(lease = "ledger")]
async fn sync_ledger(batch: usize, db: Db) {
    let _ = (batch, db);
}

fn main() {
    let _task = sync_ledger(7, Db);
}
