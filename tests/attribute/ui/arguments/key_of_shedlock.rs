use lease_runtime::leader_only;

#[leader_only(lease = "ledger", lockAtMostFor = "10m")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
