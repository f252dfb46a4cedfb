use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", retry = "3")]
async fn report() {}

fn main() {
    let _task = report();
}
