use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(account: String) {
    println!("{account}");
}

async fn caller() {
    let _task = sync_ledger(7);
    let _task = sync_ledger();
}

fn main() {
    let _future = caller();
}
