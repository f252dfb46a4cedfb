use lease_runtime::leader_only;

#[leader_only(lease = "ledger", max_restarts = "5 per minute")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
