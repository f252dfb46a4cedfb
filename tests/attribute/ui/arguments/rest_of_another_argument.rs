use lease_runtime::leader_only;

#[leader_only(lease = "ledger", grace = "30s" "10s")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
