use lease_runtime::{LeaderTask, leader_only};

#[leader_only(leese = "ledger")]
async fn sync_ledger() {}

fn main() {
    // This line must cause no error: the mistake is in the attribute.
    let _task: LeaderTask<()> = sync_ledger();
}
