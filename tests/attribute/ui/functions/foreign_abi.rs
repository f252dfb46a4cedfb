use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async extern "C" fn sync_ledger() {}

fn main() {
    let _future = sync_ledger();
}
