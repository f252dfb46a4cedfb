use lease_runtime::leader_only;

#[leader_only(lease = "ledger", name = "Nightly report")]
async fn nightly_report() {}

#[leader_only(lease = "ledger")]
async fn überweisung() {}

fn main() {
    let _tasks = [nightly_report(), überweisung()];
}
