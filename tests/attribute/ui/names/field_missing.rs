use lease_runtime::leader_only;

#[derive(Clone, Copy)]
struct Shard(u8);

#[leader_only(lease = "shard-{shard.id}")]
async fn drain(shard: Shard) {
    let _ = shard.0;
}

fn main() {
    let _task = drain(Shard(7));
}
