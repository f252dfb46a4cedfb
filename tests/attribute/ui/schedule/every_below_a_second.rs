use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "500ms")]
async fn report() {}

fn main() {
    let _task = report();
}
