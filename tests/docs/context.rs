//! What the samples use without a declaration.

pub(crate) use std::time::Duration;

pub(crate) use lease_runtime::embedded::{EmbeddedApi, Fault, RequestMatcher, Verb};
pub(crate) use lease_runtime::testing::Cluster;
pub(crate) use lease_runtime::{
    Candidate, LeaderTask, Lost, MetricsObserver, StopReason, TaskGroup, Term, Tick, TickAdmin, kube, leader_only,
    shutdown_signal,
};

/// What tonic-build makes for a service, and the messages that a compiler of protocol buffers would make.
#[allow(unused_qualifications, unreachable_pub, reason = "generated code")]
pub(crate) mod payments {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Order {
        #[prost(uint64, tag = "1")]
        pub number: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Receipt {}

    include!(concat!(env!("OUT_DIR"), "/payments.Payments.rs"));
}

/// The variables of the samples.
pub(crate) struct Values {
    pub(crate) admin: TickAdmin,
    pub(crate) api: EmbeddedApi,
    pub(crate) candidate: Candidate,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) client: kube::Client,
    pub(crate) db: Db,
    pub(crate) term: Term,
}

#[derive(Debug, Clone)]
pub(crate) struct Db;

#[derive(Debug)]
pub(crate) struct DbError;

impl Db {
    pub(crate) async fn connect(&self) -> Result<Connection, DbError> {
        Ok(Connection)
    }

    pub(crate) async fn write_report(&self, _: impl std::fmt::Display) -> Result<(), DbError> {
        Ok(())
    }
}

pub(crate) struct Connection;

impl Connection {
    pub(crate) async fn serve_until(&self, end: impl Future<Output = ()>) -> Result<(), DbError> {
        end.await;
        Ok(())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Orders;

impl Orders {
    pub(crate) async fn next(&self) -> u64 {
        0
    }

    pub(crate) async fn pay(&self, _order: u64, _token: impl std::fmt::Display) {}
}

pub(crate) fn compress(_: Vec<u8>) {}

#[leader_only(lease = "ledger")]
pub(crate) async fn sync_ledger(term: Term) {}

#[leader_only(lease = "shard-{shard}")]
pub(crate) async fn drain(term: Term, shard: u32) {}

#[leader_only(lease = "startup")]
pub(crate) async fn migrate(db: Db) -> Result<(), DbError> {
    Ok(())
}

#[leader_only(lease = "startup")]
pub(crate) async fn connect(db: Db) -> Result<(), DbError> {
    Ok(())
}

#[leader_only(lease = "startup")]
pub(crate) async fn consume(db: Db) -> Result<(), DbError> {
    Ok(())
}

#[leader_only(lease = "startup")]
pub(crate) async fn report(db: Db) -> Result<(), DbError> {
    Ok(())
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Reports;
