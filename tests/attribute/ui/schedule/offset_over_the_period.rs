use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", offset = "7m")]
async fn report() {}

fn main() {
    let _task = report();
}
