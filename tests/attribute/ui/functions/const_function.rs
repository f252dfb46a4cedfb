use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
const async fn sync_ledger() {}

fn main() {
    let _future = sync_ledger();
}
