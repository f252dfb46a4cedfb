use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", time_zone = "Europe/Prague")]
async fn report() {}

fn main() {
    let _task = report();
}
