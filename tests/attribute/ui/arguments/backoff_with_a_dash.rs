use lease_runtime::leader_only;

#[leader_only(lease = "ledger", backoff = "1s-1m")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
