use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "report-{tick}", every = "5m")]
async fn report(tick: Tick) {
    drop(tick);
}

fn main() {
    let _task = report();
}
