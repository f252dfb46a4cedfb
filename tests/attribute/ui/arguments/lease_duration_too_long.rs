use lease_runtime::leader_only;

#[leader_only(lease = "ledger", lease_duration = "9999999999s")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
