use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "billing", evry = "5m", overlap = skip)]
async fn report(_tick: Tick) {}

fn main() {
    let _task = report();
}
