use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
fn sync_ledger() {}

fn main() {
    sync_ledger();
}
