use lease_runtime::leader_only;

const NAMESPACE: &str = "payments.prod";

#[leader_only(lease = "ledger", namespace = NAMESPACE, lease_duration = "30s")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
