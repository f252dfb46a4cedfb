use lease_runtime::{Term, leader_only};

#[leader_only(lease = "shard-{term}")]
async fn drain(term: Term, shard: u32) {
    println!("{shard} {term:?}");
}

fn main() {
    let _task = drain(7);
}
