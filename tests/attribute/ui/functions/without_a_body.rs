use lease_runtime::leader_only;

pub trait Sync {
    #[leader_only(lease = "ledger")]
    async fn sync_ledger(self);
}

fn main() {}
