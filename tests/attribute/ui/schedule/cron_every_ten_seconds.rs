use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "*/10 * * * * *")]
async fn report() {}

fn main() {
    let _task = report();
}
