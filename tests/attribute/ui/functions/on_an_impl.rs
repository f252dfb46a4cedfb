use lease_runtime::leader_only;

struct Ledger;

#[leader_only(lease = "ledger")]
impl Ledger {
    async fn sync(self) {}
}

fn main() {
    let _task = Ledger;
}
