use lease_runtime::leader_only;

struct Ledger;

impl Ledger {
    #[leader_only(lease = "ledger")]
    async fn sync(&self) {}
}

fn main() {
    let _task = Ledger.sync();
}
