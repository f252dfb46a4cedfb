use lease_runtime::leader_only;

#[leader_only(lease = "billing", retry = 3)]
async fn report() {}

fn main() {
    let _task = report();
}
