use lease_runtime::leader_only;

const SERVICE: &str = "Orders";

#[leader_only(lease = "ledger", leader_service = SERVICE)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
