//! The holder policy, and the keeper.

use std::sync::Arc;

use kube::api::DeleteParams;
use lease_tests::cluster::Caller;
use lease_tests::log::until;
use lease_tests::world::World;

use super::shop::{LEASE, Ledgers, Shop, is_refused, merge, unstamped, until_refused};

const REFUSED: &str = "only the pod that holds lease";

/// Waits until the API server lets this client write.
async fn until_admitted(ledgers: &Ledgers, who: &str) {
    until(&format!("{who} to be admitted"), async || merge(ledgers, "a", unstamped()).await.ok()).await;
}

pub(super) async fn only_its_pod_writes(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let policies = shop.policies().holder_only();
    let (uid_a, uid_b) = (shop.pod("orders-a").await, shop.pod("orders-b").await);
    let (a, b) = (shop.of_pod("orders-a", &uid_a).await, shop.of_pod("orders-b", &uid_b).await);
    let (no_pod, admin) = (shop.of_the_account().await, shop.ledgers(Caller::Admin("a")).await);
    merge(&b, "a", unstamped()).await.expect("no policy is in force");

    // The first part of an identity may be any text.
    shop.hand_to(&format!("orders_a_{uid_a}_0123456789abcdef")).await;
    shop.apply(&policies).await;
    until_refused(&b, "a", unstamped, REFUSED).await;
    until_admitted(&a, "the holder").await;
    a.create(&Default::default(), &shop.ledger("of-a")).await.expect("the holder creates");
    a.delete("of-a", &DeleteParams::default()).await.expect("the holder deletes");
    for (ledgers, who) in [(&b, "another pod"), (&no_pod, "a token of no pod")] {
        is_refused(merge(ledgers, "a", unstamped()).await, REFUSED);
        is_refused(ledgers.create(&Default::default(), &shop.ledger(&who.replace(' ', "-"))).await, REFUSED);
        is_refused(ledgers.delete("a", &DeleteParams::default()).await, REFUSED);
        ledgers.get("a").await.expect("it may read");
    }
    merge(&admin, "a", unstamped()).await.expect("the policy is about candidates alone");

    // A handover: each server compares with its copy of the Lease, so it takes a moment.
    shop.hand_to(&format!("orders-b_{uid_b}_0123456789abcdef")).await;
    until_refused(&a, "a", unstamped, REFUSED).await;
    until_admitted(&b, "the new holder").await;

    // A holder that names no pod, as other programs do, and no holder.
    for holder in [&uid_b, &format!("orders-b_{uid_b}"), ""] {
        shop.hand_to(holder).await;
        until_refused(&b, "a", unstamped, REFUSED).await;
        is_refused(merge(&a, "a", unstamped()).await, REFUSED);
        shop.hand_to(&format!("orders-b_{uid_b}_1")).await;
        until_admitted(&b, "the holder").await;
    }
    world.cluster.delete_lease(LEASE).await;
    until_refused(&b, "a", unstamped, "no params found").await;
    // There is nothing to compare with, not even for those whom the policy is not about.
    let refused = merge(&admin, "a", unstamped()).await.expect_err("nobody writes without the Lease");
    assert!(refused.to_string().contains("no params found"), "{refused}");
    shop.close(&policies).await;
}

/// As the controller of a StatefulSet does: `orders-0` is deleted and created again, and both hold the lease one after the other.
pub(super) async fn a_name_is_no_pod(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let policies = shop.policies().holder_only();
    let uid = shop.pod("orders-0").await;
    let old = shop.of_pod("orders-0", &uid).await;
    shop.hand_to(&format!("orders-0_{uid}_0123456789abcdef")).await;
    shop.apply(&policies).await;
    let stranger = shop.of_the_account().await;
    until_refused(&stranger, "a", unstamped, REFUSED).await;
    until_admitted(&old, "the first orders-0").await;

    let namespace = &world.cluster.namespace;
    world.cluster.delete(&format!("/api/v1/namespaces/{namespace}/pods/orders-0?gracePeriodSeconds=0")).await;
    let again = shop.pod("orders-0").await;
    assert_ne!(uid, again);
    let new = shop.of_pod("orders-0", &again).await;
    // The Lease still names the pod that is gone.
    is_refused(merge(&new, "a", unstamped()).await, REFUSED);
    shop.hand_to(&format!("orders-0_{again}_0123456789abcdef")).await;
    until_admitted(&new, "the second orders-0").await;
    // The API server knows its token for up to ten seconds. Afterwards it is no token any more.
    match merge(&old, "a", unstamped()).await {
        Err(kube::Error::Api(status)) => assert!([401, 403].contains(&status.code), "{status:?}"),
        other => panic!("the pod before it is admitted: {other:?}"),
    }
    shop.close(&policies).await;
}

/// Without the keeper, the API server compares for good with the Leases as they were when the last binding was deleted. It cannot be
/// tried here, because it would freeze the policies of all other scenarios.
pub(super) async fn a_binding_made_again_follows(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let policies = shop.policies().holder_only();
    let (uid_a, uid_b) = (shop.pod("orders-a").await, shop.pod("orders-b").await);
    let (a, b) = (shop.of_pod("orders-a", &uid_a).await, shop.of_pod("orders-b", &uid_b).await);
    shop.hand_to(&format!("orders-a_{uid_a}_0")).await;
    shop.apply(&policies).await;
    until_refused(&b, "a", unstamped, REFUSED).await;
    for _ in 0..3 {
        shop.bind_again(&policies, &b).await;
        // In force again, with the Lease as it is.
        until_refused(&b, "a", unstamped, REFUSED).await;
        for (holder, uid, this, other) in [("orders-b", &uid_b, &b, &a), ("orders-a", &uid_a, &a, &b)] {
            shop.hand_to(&format!("{holder}_{uid}_0")).await;
            until_refused(other, "a", unstamped, REFUSED).await;
            until_admitted(this, holder).await;
        }
    }
    shop.close(&policies).await;
}
