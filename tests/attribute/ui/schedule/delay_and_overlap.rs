use lease_runtime::leader_only;

#[leader_only(lease = "billing", delay = "5m", overlap = skip)]
async fn report() {}

fn main() {
    let _task = report();
}
