use lease_runtime::leader_only;

pub struct Db;

#[leader_only(lease = "ledger")]
pub async fn sync_ledger(db: &mut Db) {
    let _ = db;
}

fn main() {}
