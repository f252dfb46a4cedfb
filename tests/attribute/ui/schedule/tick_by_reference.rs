use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "billing", every = "5m")]
async fn report(_tick: &Tick) {}

fn main() {}
