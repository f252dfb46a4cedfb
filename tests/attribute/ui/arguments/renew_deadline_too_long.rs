use lease_runtime::leader_only;

#[leader_only(lease = "ledger", renew_deadline = "14s", lease_duration = "15s")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
