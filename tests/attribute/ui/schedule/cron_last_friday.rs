use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "0 2 * * 5L")]
async fn report() {}

fn main() {
    let _task = report();
}
