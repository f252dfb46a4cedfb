use lease_runtime::leader_only;

#[leader_only(lease = "ledger")]
pub struct Ledger;

fn main() {
    let _ledger = Ledger;
}
