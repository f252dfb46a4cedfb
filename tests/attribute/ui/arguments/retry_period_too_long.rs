use lease_runtime::leader_only;

#[leader_only(lease = "ledger", retry_period = "9s")]
async fn sync_ledger<T>(_: T)
where
    T: Clone + Send + 'static,
{
}

fn main() {}
