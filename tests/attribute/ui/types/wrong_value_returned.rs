use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(fail: bool) -> Result<(), String> {
    if fail {
        return "failed";
    }
    Ok(7)
}

fn main() {
    let _task = sync_ledger(true);
}
