use lease_runtime::leader_only;

#[leader_only(lease = "billing", every = "5m", delivery = at_least_once)]
async fn report(shard: u32) {
    let _ = shard;
}

fn main() {
    let _task = report(7);
}
