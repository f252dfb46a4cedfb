use lease_runtime::leader_only;

#[leader_only(lease = "billing", once = true)]
async fn report() {}

fn main() {
    let _task = report();
}
