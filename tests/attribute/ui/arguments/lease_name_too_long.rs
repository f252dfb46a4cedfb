use lease_runtime::leader_only;

#[leader_only(lease = "ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-ledger-end")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
