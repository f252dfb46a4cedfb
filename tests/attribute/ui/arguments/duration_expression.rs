use std::time::Duration;

use lease_runtime::leader_only;

#[leader_only(lease = "ledger", grace = Duration::from_secs(30))]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
