use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "0 2 * * *", misfire_grace_time = 60)]
async fn report() {}

fn main() {
    let _task = report();
}
