use std::rc::Rc;

use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger() {
    let cache = Rc::new(7);
    tokio::task::yield_now().await;
    println!("{cache}");
}

fn main() {
    let _task = sync_ledger();
}
