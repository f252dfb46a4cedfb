use lease_runtime::leader_only;

#[leader_only(lease = "ledger", on_overrun = ignore)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
