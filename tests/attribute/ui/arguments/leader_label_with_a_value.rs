use lease_runtime::leader_only;

#[leader_only(lease = "ledger", leader_label = true)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
