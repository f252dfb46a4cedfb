use lease_runtime::leader_only;

#[leader_only(lease = "ledger", on_exhausted = panic)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
