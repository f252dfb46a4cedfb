use lease_runtime::leader_only;

#[leader_only(lease = "ledger", name = "Nightly report")]
async fn nightly_report() {}

fn main() {
    let _task = nightly_report();
}
