use std::rc::Rc;

use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
async fn sync_ledger(cache: Rc<u8>) {
    let _ = cache;
}

fn main() {
    let _task = sync_ledger(Rc::new(7));
}
