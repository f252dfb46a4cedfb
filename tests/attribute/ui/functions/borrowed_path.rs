use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(folder: &std::path::Path) {
    println!("{}", folder.display());
}

fn main() {
    let _task = sync_ledger("/tmp".as_ref());
}
