use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m")]
async fn report() -> Result<u64, std::io::Error> {
    Ok(7)
}

fn main() {}
