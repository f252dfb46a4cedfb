use lease_runtime::leader_only;

struct Report;

type Reported = Result<Report, std::io::Error>;

#[leader_only(lease = "billing", every = "5m")]
async fn report() -> Reported {
    Ok(Report)
}

fn main() {
    let _task = report();
}
