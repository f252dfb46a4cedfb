use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", max_catch_up = 10)]
async fn report() {}

fn main() {
    let _task = report();
}
