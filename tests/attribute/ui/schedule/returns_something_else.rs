use lease_runtime::leader_only;

struct Report;

#[leader_only(lease = "billing", every = "5m")]
async fn report() -> Report {
    Report
}

fn main() {
    let _task = report();
}
