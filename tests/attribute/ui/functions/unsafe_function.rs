use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async unsafe fn sync_ledger() {}

fn main() {
    let _future = unsafe { sync_ledger() };
}
