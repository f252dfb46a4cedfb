use lease_runtime::leader_only;

struct Oops;

#[leader_only(lease = "billing", every = "5m")]
async fn report() -> Result<(), Oops> {
    Err(Oops)
}

fn main() {
    let _task = report();
}
