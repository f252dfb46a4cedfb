use lease_runtime::leader_only;

#[leader_only(lease = "ledger", warm_up = fill())]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
