use lease_runtime::leader_only;

#[leader_only(lease = "billing", fixedRate = 5000)]
async fn report() {}

fn main() {
    let _task = report();
}
