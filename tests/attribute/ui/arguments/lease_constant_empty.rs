use lease_runtime::leader_only;

const LEASE: &str = "";

#[leader_only(lease = LEASE)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
