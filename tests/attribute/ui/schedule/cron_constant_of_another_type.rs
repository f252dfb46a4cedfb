use lease_runtime::leader_only;

const NIGHTLY: u32 = 7;

#[leader_only(lease = "billing", cron = NIGHTLY)]
async fn report() {}

fn main() {
    let _task = report();
}
