use lease_runtime::leader_only;

#[leader_only(lease = "ledger", ReleaseOnCancel = true)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
