use lease_runtime::leader_only;

#[leader_only(lease = shard)]
async fn drain(shard: String) {
    println!("{shard}");
}

fn main() {
    let _task = drain("7".to_owned());
}
