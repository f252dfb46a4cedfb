use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(with: impl Fn() + Send + Sync + 'static) {
    with();
}

fn main() {
    let _task = sync_ledger(|| ());
}
