use lease_runtime::leader_only;

struct Tick;

#[leader_only(lease = "billing", every = "5m")]
async fn report(_tick: Tick) {}

fn main() {
    let _task = report();
}
