use lease_runtime::leader_only;

fn lease() -> &'static str {
    "ledger"
}

#[leader_only(lease = lease())]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
