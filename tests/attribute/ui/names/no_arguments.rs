use lease_runtime::leader_only;

#[leader_only(lease = "shard-{shard}")]
async fn drain() {}

fn main() {
    let _task = drain();
}
