use lease_runtime::leader_only;

#[leader_only(lease = "ledger", schedule = "0 3 * * *")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
