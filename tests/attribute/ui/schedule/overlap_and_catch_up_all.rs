use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", catch_up = all, overlap = cancel_other)]
async fn report() {}

fn main() {
    let _task = report();
}
