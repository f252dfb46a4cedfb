use lease_runtime::leader_only;

#[leader_only]
async fn nightly_report() {}

fn main() {
    let _task = nightly_report();
}
