use lease_runtime::leader_only;

#[leader_only(lease = "ledger", restart = Restart::Never)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
