use std::sync::Arc;

use lease_runtime::leader_only;

trait Job {
    #[leader_only(lease = "ledger")]
    async fn run(self: Arc<Self>) {}
}

struct Ledger;

impl Job for Ledger {}

fn main() {
    let _task = Arc::new(Ledger).run();
}
