use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger() -> u64 {
    7
}

fn main() {
    let _task = sync_ledger();
}
