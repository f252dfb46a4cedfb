use lease_runtime::{Tick, leader_only};

#[leader_only(lease = "billing", cron = "0 25 * * *", time_zone = "Prague", overlap = allow_all, retry = -1)]
async fn report(_tick: Tick) {}

fn main() {
    let _task = report();
}
