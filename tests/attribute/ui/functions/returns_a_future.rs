use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
fn sync_ledger() -> impl Future<Output = ()> {
    async {}
}

fn main() {
    let _task = sync_ledger();
}
