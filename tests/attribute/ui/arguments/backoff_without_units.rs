use lease_runtime::leader_only;

#[leader_only(lease = "ledger", backoff = "1..60")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
