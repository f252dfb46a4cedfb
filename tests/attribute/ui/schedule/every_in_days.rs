use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "1d")]
async fn report() {}

fn main() {
    let _task = report();
}
