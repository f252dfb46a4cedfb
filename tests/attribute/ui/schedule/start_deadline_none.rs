use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", start_deadline = none)]
async fn report() {}

fn main() {
    let _task = report();
}
