use lease_runtime::leader_only;

#[leader_only(lease = "billing", overlap = skip)]
async fn report() {}

fn main() {
    let _task = report();
}
