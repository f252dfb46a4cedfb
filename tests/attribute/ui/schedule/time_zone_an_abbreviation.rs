use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "0 2 * * *", time_zone = "PST")]
async fn report() {}

fn main() {
    let _task = report();
}
