//! tonic.

use std::net::SocketAddr;
use std::time::Duration;

use tonic::Code;
use tonic::transport::Channel;

use super::World;
use crate::context::payments::Order;
use crate::context::payments::payments_client::PaymentsClient;

mod recipe {
    use super::super::Orders;
    use crate::context::*;

    include!(concat!(env!("OUT_DIR"), "/recipes/grpc-payments.rs"));

    pub(super) fn task(orders: Orders, address: SocketAddr) -> LeaderTask<Result<(), tonic::transport::Error>> {
        serve_grpc(orders, address)
    }
}

/// Pays an order, and returns how the server answers.
async fn pay(address: SocketAddr, number: u64) -> Code {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let answer = PaymentsClient::new(channel).pay(Order { number }).await;
    answer.map_or_else(|status| status.code(), |_receipt| Code::Ok)
}

#[tokio::test]
async fn the_port_is_closed_and_calls_have_ended_before_the_release() {
    let world = World::start("grpc-payments", recipe::task).await;
    world.let_end(1);
    assert_eq!(pay(world.address, 1).await, Code::Ok);
    let call = tokio::spawn(pay(world.address, 2));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.let_end(1);
    assert_eq!(call.await.unwrap(), Code::Ok, "the grace is for it");
    world.released().await;
    assert_eq!(world.paid(), [1, 2]);
    world.end().await;
}

#[tokio::test]
async fn a_call_that_needs_more_than_the_grace_does_not_outlive_the_term() {
    let grace = Duration::from_millis(300);
    let world = World::start("grpc-payments", |orders, address| recipe::task(orders, address).grace(grace)).await;
    let call = tokio::spawn(pay(world.address, 1));
    world.payment_is_under_way().await;
    world.step_down().await;
    world.released().await;
    world.let_end(1);
    assert_eq!(call.await.unwrap(), Code::Unavailable);
    assert_eq!(world.paid(), [] as [u64; 0]);
    world.end().await;
}
