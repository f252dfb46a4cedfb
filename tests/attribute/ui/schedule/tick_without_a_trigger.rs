use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "billing", on_loss = exit)]
async fn report(_tick: Tick) {}

fn main() {
    let _task = report();
}
