use lease_runtime::leader_only;

#[leader_only(lease = "ledger", lease_duration = 15)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
