use lease_runtime::leader_only;

pub struct Ledger;

impl Ledger {
    #[leader_only(lease = "ledger")]
    pub async fn sync(self: &mut Self) {}
}

fn main() {}
