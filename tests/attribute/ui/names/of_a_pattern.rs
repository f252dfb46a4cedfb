use lease_runtime::leader_only;

#[leader_only(lease = "shard-{shard}")]
async fn drain((shard, of): (u32, u32)) {
    println!("{shard} {of}");
}

fn main() {
    let _task = drain((7, 8));
}
