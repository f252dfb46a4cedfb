use lease_runtime::leader_only;

#[derive(Clone)]
struct Ledger;

impl Ledger {
    const LEASE: &'static str = "ledger";

    #[leader_only(lease = Self::LEASE)]
    async fn sync(self) {}
}

fn main() {
    let _task = Ledger.sync();
    let _lease = Ledger::LEASE;
}
