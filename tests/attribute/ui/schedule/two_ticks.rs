use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "billing", every = "5m")]
async fn report(_first: Tick, _second: Tick) {}

fn main() {}
