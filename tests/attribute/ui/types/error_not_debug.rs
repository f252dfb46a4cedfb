use lease_runtime::leader_only;

struct Oops;

#[leader_only(lease = "ledger")]
async fn sync_ledger() -> Result<(), Oops> {
    Err(Oops)
}

fn main() {
    let _task = sync_ledger();
}
