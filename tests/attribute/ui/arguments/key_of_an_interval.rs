use lease_runtime::leader_only;

#[leader_only(lease = "ledger", interval = "5m")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
