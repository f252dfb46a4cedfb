use lease_runtime::{LeaderTask, leader_only};

#[leader_only(lease = "ledger")]
#[leader_only(lease = "orders")]
async fn sync_ledger() {}

fn main() {
    let _task: LeaderTask<()> = sync_ledger();
}
