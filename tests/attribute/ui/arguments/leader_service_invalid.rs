use lease_runtime::leader_only;

#[leader_only(lease = "ledger", leader_service = "orders.shop")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
