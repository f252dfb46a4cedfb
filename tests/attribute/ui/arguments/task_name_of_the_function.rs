use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn überweisung() {}

fn main() {
    let _task = überweisung();
}
