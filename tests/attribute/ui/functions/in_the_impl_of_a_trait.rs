use std::sync::Arc;

use lease_runtime::{LeaderTask, leader_only};

trait Job {
    fn run(self: Arc<Self>) -> LeaderTask<()>;
}

struct Ledger;

impl Job for Ledger {
    #[leader_only(lease = "ledger")]
    async fn run(self: Arc<Self>) {}
}

fn main() {
    let _task = Arc::new(Ledger).run();
}
