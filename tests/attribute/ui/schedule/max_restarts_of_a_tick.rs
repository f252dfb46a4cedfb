use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", max_restarts = "5 in 1m")]
async fn report() {}

fn main() {
    let _task = report();
}
