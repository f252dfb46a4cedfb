use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", jitter = "5m")]
async fn report() {}

fn main() {
    let _task = report();
}
