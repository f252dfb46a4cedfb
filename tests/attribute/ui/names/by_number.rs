use lease_runtime::leader_only;

#[leader_only(lease = "shard-{0}")]
async fn drain(shard: u32) {
    println!("{shard}");
}

fn main() {
    let _task = drain(7);
}
