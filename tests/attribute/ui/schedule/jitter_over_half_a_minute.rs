use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "* * * * *", jitter = "1m")]
async fn report() {}

fn main() {
    let _task = report();
}
