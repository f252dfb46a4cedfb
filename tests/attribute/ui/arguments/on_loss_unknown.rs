use lease_runtime::leader_only;

#[leader_only(lease = "ledger", on_loss = wait)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
