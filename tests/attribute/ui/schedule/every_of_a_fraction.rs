use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "1500ms", catch_up = none)]
async fn report() {}

fn main() {
    let _task = report();
}
