use lease_runtime::leader_only;

#[tokio::main]
#[leader_only(lease = "ledger")]
async fn main() {}
