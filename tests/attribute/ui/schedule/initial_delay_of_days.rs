use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "@daily", initial_delay = "48h")]
async fn report() {}

fn main() {
    let _task = report();
}
