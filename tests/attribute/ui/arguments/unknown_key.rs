use lease_runtime::{LeaderTask, leader_only};

#[leader_only(leese = "ledger")]
async fn sync_ledger() {}

fn main() {
    // Not told off for a mistake that is not its own.
    let _task: LeaderTask<()> = sync_ledger();
}
