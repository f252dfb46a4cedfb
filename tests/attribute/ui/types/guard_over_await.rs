use std::sync::{Arc, Mutex};

use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(balance: Arc<Mutex<u64>>) {
    let mut balance = balance.lock().unwrap();
    tokio::task::yield_now().await;
    *balance += 1;
}

fn main() {
    let _task = sync_ledger(Arc::default());
}
