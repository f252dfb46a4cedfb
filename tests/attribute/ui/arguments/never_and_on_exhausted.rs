use lease_runtime::leader_only;

#[leader_only(lease = "ledger", restart = never, on_exhausted = exit)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
