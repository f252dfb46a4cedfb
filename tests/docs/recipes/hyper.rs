//! hyper, and an accept loop of one's own.

use std::time::Duration;

use super::{World, post};

mod recipe {
    use super::super::Orders;
    use crate::context::*;

    include!(concat!(env!("OUT_DIR"), "/recipes/feed.rs"));

    pub(super) fn task(orders: Orders, address: SocketAddr) -> LeaderTask<Result<(), std::io::Error>> {
        feed(orders, address)
    }
}

#[tokio::test]
async fn the_port_is_closed_and_requests_have_ended_before_the_release() {
    let world = World::start("feed", recipe::task).await;
    world.let_end(1);
    assert_eq!(post(world.address, "/").await.as_deref(), Some("HTTP/1.1 200 OK"));
    let request = tokio::spawn(post(world.address, "/"));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.let_end(1);
    assert_eq!(request.await.unwrap().as_deref(), Some("HTTP/1.1 200 OK"), "the grace is for it");
    world.released().await;
    assert_eq!(world.paid(), [1, 1]);
    world.end().await;
}

#[tokio::test]
async fn a_connection_does_not_outlive_the_term() {
    let grace = Duration::from_millis(300);
    let world = World::start("feed", |orders, address| recipe::task(orders, address).grace(grace)).await;
    let request = tokio::spawn(post(world.address, "/"));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.released().await;
    world.let_end(1);
    assert_eq!(request.await.unwrap(), None, "the connection is closed");
    assert_eq!(world.paid(), [] as [u64; 0]);
    world.end().await;
}
