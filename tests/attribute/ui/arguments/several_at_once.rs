use lease_runtime::leader_only;

#[leader_only(lease = "ledger", grace = 30, on_overrun = panic, colour = "red")]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
