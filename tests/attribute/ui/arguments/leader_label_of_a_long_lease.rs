use lease_runtime::leader_only;

#[leader_only(lease = "a-name-that-a-lease-may-have-and-that-does-not-fit-into-the-key-of-a-label", leader_label)]
async fn sync_ledger() {}

fn main() {
    let _task = sync_ledger();
}
