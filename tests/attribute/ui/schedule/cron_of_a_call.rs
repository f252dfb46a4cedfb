use lease_runtime::leader_only;

const fn nightly() -> &'static str {
    "0 2 * * *"
}

#[leader_only(lease = "billing", cron = nightly())]
async fn report() {}

fn main() {
    let _task = report();
}
