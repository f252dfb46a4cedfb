use lease_runtime::leader_only;

#[derive(Clone, Copy)]
struct Shard;

#[leader_only(lease = "shard-{shard}")]
async fn drain(shard: Shard) {
    let _ = shard;
}

fn main() {
    let _task = drain(Shard);
}
