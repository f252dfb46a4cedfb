use lease_runtime::leader_only;

#[leader_only(lease = "billing", delay = "5m", catch_up = all)]
async fn report() {}

fn main() {
    let _task = report();
}
