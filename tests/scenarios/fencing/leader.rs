//! The helpers of `Term`, in candidates of this process with both policies in force.

use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use lease_runtime::{Candidate, FenceError, LeaderTask, LeaseSpec, Term};
use lease_tests::cluster::Caller;
use lease_tests::log::now;
use lease_tests::world::World;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::shop::{LEASE, Shop, is_refused, merge, unstamped, until_refused};

const SPEC: LeaseSpec = LeaseSpec::new(LEASE).lease_duration(Duration::from_secs(3));

/// A candidate of this process, with the token of a pod. Its body hands its terms out.
struct Member {
    terms: mpsc::UnboundedReceiver<Term>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), lease_runtime::Error>>,
}

impl Member {
    /// `identity` is the first part of its identity.
    async fn start(world: &World, identity: &str, token: &str) -> Member {
        let kubeconfig = world.cluster.kubeconfig(None, Caller::Token(token), &world.cluster.namespace);
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).expect("the kubeconfig cannot be read");
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let config = config.expect("the kubeconfig cannot be used");
        let candidate = Candidate::builder().identity(identity).config(config).kubernetes_events(false).build().await;
        let candidate = candidate.expect("a candidate");
        let (begun, terms) = mpsc::unbounded_channel();
        candidate.add(LeaderTask::new("work", SPEC, move |term: Term| {
            let begun = begun.clone();
            async move {
                begun.send(term.clone()).expect("the scenario waits for terms");
                term.cancelled().await;
            }
        }));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running = tokio::spawn(async move { candidate.run_until(stopped.cancelled()).await });
        Member { terms, stop, running }
    }

    async fn term(&mut self) -> Term {
        let term = tokio::time::timeout(lease_tests::log::PATIENCE, self.terms.recv()).await;
        term.expect("a term comes in time").expect("the candidate runs")
    }

    async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("no panic").expect("an end in order");
    }
}

pub(super) async fn touches_and_verifies(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let policies = shop.policies();
    shop.apply(&policies).await;
    let (uid_a, uid_b) = (shop.pod("orders-a").await, shop.pod("orders-b").await);
    let (token_a, token_b) = (shop.token_of("orders-a", &uid_a).await, shop.token_of("orders-b", &uid_b).await);
    let (of_a, of_b) = (shop.ledgers(Caller::Token(&token_a)).await, shop.ledgers(Caller::Token(&token_b)).await);

    // The identity has the form that `POD_UID` gives it.
    let mut a = Member::start(&world, &format!("orders-a_{uid_a}"), &token_a).await;
    let first = a.term().await;
    // Both policies are applied at once, and only this one refuses the holder.
    until_refused(&of_a, "a", unstamped, "puts its fencing token into what it writes").await;
    first.verify_fence(&of_a, "a").await.expect("the leader is admitted");
    let before = of_a.get("a").await.expect("a ledger");
    assert_eq!(before.metadata.annotations, None, "verifying has changed the object");
    let mut held_back = first.touch(&of_a, "a").await.expect("the leader is admitted");
    assert_eq!(shop.stamp_in(&held_back), first.fencing_token().to_string());
    held_back.data["spec"]["balance"] = json!(7);
    first.stamp(&mut held_back.metadata);
    let mut held_back = of_a.replace("a", &Default::default(), &held_back).await.expect("the leader writes");
    match first.touch(&of_a, "b").await {
        Err(FenceError::Request { cause, .. }) => assert!(cause.to_string().contains("not found"), "{cause}"),
        other => panic!("there is no such ledger: {other:?}"),
    }

    let mut b = Member::start(&world, &format!("orders-b_{uid_b}"), &token_b).await;
    a.end().await;
    let second = b.term().await;
    assert!(second.fencing_token() > first.fencing_token());
    let touched = second.touch(&of_b, "a").await.expect("the new leader is admitted");
    assert_eq!(
        (shop.stamp_in(&touched), &touched.data["spec"]["balance"]),
        (second.fencing_token().to_string(), &json!(7))
    );

    // Whatever the old leader still has on its way: both policies refuse it, and the helpers know that its term is over.
    until_refused(&of_a, "a", unstamped, "only the pod that holds lease").await;
    assert!(matches!(first.touch(&of_a, "a").await, Err(FenceError::Lost(_))));
    assert!(matches!(first.verify_fence(&of_a, "a").await, Err(FenceError::Lost(_))));
    // The write of an earlier term from the pod that leads now: only the token tells.
    held_back.metadata.resource_version = None;
    let late = json!({ "metadata": { "annotations": held_back.metadata.annotations }, "spec": { "balance": 0 } });
    is_refused(merge(&of_b, "a", late).await, "which a later leader of lease");
    merge(&of_b, "a", json!({ "spec": { "balance": 8 } })).await.expect("the new leader writes");

    // A later term has touched the object, and this one does not know yet.
    let admin = shop.ledgers(Caller::Admin("a")).await;
    let later = second.fencing_token().get() + 1;
    let raised = json!({ "metadata": { "annotations": { super::shop::STAMP: later.to_string() } } });
    merge(&admin, "a", raised).await.expect("an administrator may raise the token");
    match second.touch(&of_b, "a").await {
        Err(FenceError::Stale { stale, .. }) => {
            assert_eq!((stale.sent, stale.highest.get()), (second.fencing_token(), later));
        }
        other => panic!("a token below that of the object: {other:?}"),
    }
    b.end().await;
    shop.close(&policies).await;
}

/// The identity lacks the uid, as that of a candidate without `POD_UID` does: the holder policy refuses every leader.
pub(super) async fn refused_by_its_policy(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let policies = shop.policies();
    shop.apply(&policies).await;
    let uid = shop.pod("orders-a").await;
    let token = shop.token_of("orders-a", &uid).await;
    let ledgers = shop.ledgers(Caller::Token(&token)).await;
    let mut member = Member::start(&world, "orders-a", &token).await;
    let term = member.term().await;
    until_refused(&ledgers, "a", unstamped, "denied").await;
    let asked = now();
    let error = term.verify_fence(&ledgers, "a").await.expect_err("the policy admits nobody");
    let took = now().since(asked);
    assert!(matches!(error, FenceError::Refused { .. }), "{error}");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    for words in ["orders.holder", "only the pod that holds lease", "POD_UID", term.identity()] {
        assert!(error.to_string().contains(words), "{words} is not in {error}");
    }
    member.end().await;
    shop.close(&policies).await;
}
