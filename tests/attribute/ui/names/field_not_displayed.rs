use lease_runtime::leader_only;

#[derive(Clone, Copy)]
struct Shard(());

#[leader_only(lease = "shard-{shard.0}")]
async fn drain(shard: Shard) {
    let _ = shard.0;
}

fn main() {
    let _task = drain(Shard(()));
}
