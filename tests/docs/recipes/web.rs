//! axum.

use std::time::Duration;

use super::{World, post};

mod recipe {
    use super::super::Orders;
    use crate::context::*;

    include!(concat!(env!("OUT_DIR"), "/recipes/payments.rs"));

    pub(super) fn task(orders: Orders, address: SocketAddr) -> LeaderTask<Result<(), std::io::Error>> {
        serve(orders, address)
    }
}

#[tokio::test]
async fn the_port_is_closed_and_requests_have_ended_before_the_release() {
    let world = World::start("payments", recipe::task).await;
    world.let_end(1);
    assert_eq!(post(world.address, "/pay/1").await.as_deref(), Some("HTTP/1.1 200 OK"));
    let request = tokio::spawn(post(world.address, "/pay/2"));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.let_end(1);
    assert_eq!(request.await.unwrap().as_deref(), Some("HTTP/1.1 200 OK"), "the grace is for it");
    world.released().await;
    assert_eq!(world.paid(), [1, 2]);
    world.end().await;
}

#[tokio::test]
async fn a_request_that_needs_more_than_the_grace_does_not_outlive_the_term() {
    let grace = Duration::from_millis(300);
    let world = World::start("payments", |orders, address| recipe::task(orders, address).grace(grace)).await;
    let request = tokio::spawn(post(world.address, "/pay/1"));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.released().await;
    world.let_end(1);
    assert_eq!(request.await.unwrap().as_deref(), Some("HTTP/1.1 503 Service Unavailable"));
    assert_eq!(world.paid(), [] as [u64; 0]);
    world.end().await;
}
