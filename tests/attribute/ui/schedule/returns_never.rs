use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m")]
async fn report() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

fn main() {}
