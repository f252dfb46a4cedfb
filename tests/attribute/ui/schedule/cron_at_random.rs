use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "H 2 * * *")]
async fn report() {}

fn main() {
    let _task = report();
}
