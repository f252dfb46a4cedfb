use lease_runtime::leader_only;

#[leader_only(name = "ledger")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
