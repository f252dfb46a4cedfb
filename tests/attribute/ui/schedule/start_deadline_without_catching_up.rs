use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", catch_up = none, start_deadline = "1m")]
async fn report() {}

fn main() {
    let _task = report();
}
