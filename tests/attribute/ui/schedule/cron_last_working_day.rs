use lease_runtime::leader_only;

#[leader_only(lease = "billing", cron = "0 2 LW * *")]
async fn report() {}

fn main() {
    let _task = report();
}
