use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5s", catch_up = all)]
async fn report() {}

fn main() {
    let _task = report();
}
