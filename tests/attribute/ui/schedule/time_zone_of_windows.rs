use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "0 2 * * *", time_zone = "W. Europe Standard Time")]
async fn report() {}

fn main() {
    let _task = report();
}
