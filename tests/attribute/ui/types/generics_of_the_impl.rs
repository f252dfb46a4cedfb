use lease_runtime::leader_only;

struct Ledger<T>(T);

impl<T: Clone + Send + 'static> Ledger<T> {
    #[leader_only(lease = "ledger")]
    async fn sync(of: T) {
        let _ = of;
    }
}

fn main() {
    let _task = Ledger::sync(7);
    let _ = Ledger(7).0;
}
