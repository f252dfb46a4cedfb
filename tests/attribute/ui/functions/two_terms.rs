use lease_runtime::{Term, leader_only};

#[leader_only(lease = "ledger")]
async fn sync_ledger(_first: Term, _second: Term) {}

fn main() {}
