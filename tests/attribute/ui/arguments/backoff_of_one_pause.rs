use lease_runtime::leader_only;

#[leader_only(lease = "ledger", backoff = "5s")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
