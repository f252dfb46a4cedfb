//! The token policy.

use std::sync::Arc;

use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use lease_tests::cluster::Caller;
use lease_tests::world::World;
use serde_json::{Value, json};

use super::shop::{Ledgers, STAMP, Shop, is_refused, merge, stamped, unstamped, until_refused};

const UNSTAMPED: &str = "puts its fencing token into what it writes";

/// The policy in force, and the ledgers of a candidate and of an administrator.
async fn enforced(shop: &Shop<'_>) -> (Ledgers, Ledgers) {
    shop.apply(&shop.policies().token_only()).await;
    let candidate = shop.of_the_account().await;
    until_refused(&candidate, "a", unstamped, UNSTAMPED).await;
    (candidate, shop.ledgers(Caller::Admin("a")).await)
}

pub(super) async fn never_go_down(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let (candidate, admin) = enforced(&shop).await;

    // The first token may be any. A leader sends its token again and again.
    let first = merge(&candidate, "a", stamped("260")).await.expect("the first token");
    merge(&candidate, "a", stamped("260")).await.expect("the same token");
    is_refused(merge(&candidate, "a", stamped("105")).await, "the fencing token 105 is below 260");
    // As numbers, and not as texts.
    is_refused(merge(&candidate, "a", stamped("99")).await, "the fencing token 99 is below 260");
    merge(&candidate, "a", stamped("1000")).await.expect("a higher token");
    is_refused(merge(&candidate, "a", stamped("999")).await, "the fencing token 999 is below 1000");

    // Nobody removes or lowers a token, by patch or by an object that lacks it. An edit that leaves it alone is nobody's business.
    for text in [json!(null), json!("0"), json!("abc"), json!("999")] {
        let patch = json!({ "metadata": { "annotations": { STAMP: text } } });
        is_refused(merge(&admin, "a", patch).await, "is below 1000");
    }
    let mut replaced = first.clone();
    replaced.metadata.resource_version = admin.get("a").await.expect("a ledger").metadata.resource_version;
    is_refused(admin.replace("a", &Default::default(), &replaced).await, "the fencing token 260 is below 1000");
    merge(&admin, "a", unstamped()).await.expect("an administrator edits");
    // What a candidate leaves alone is its own token only if it still leads.
    merge(&candidate, "a", unstamped()).await.expect("the token of the object");

    // A candidate never writes what is no token, and can repair what somebody else has created.
    let mut odd = shop.ledger("odd");
    odd.metadata.annotations = Some([(STAMP.to_owned(), "1e3".to_owned())].into());
    admin.create(&Default::default(), &odd).await.expect("a creation is not fenced");
    for text in ["", "-1", "1e3", "0x7", " 7", "99999999999999999999"] {
        is_refused(merge(&candidate, "odd", stamped(text)).await, UNSTAMPED);
    }
    merge(&candidate, "odd", stamped(&i64::MAX.to_string())).await.expect("the highest token");
    is_refused(merge(&candidate, "odd", stamped("5")).await, "the fencing token 5 is below 9223372036854775807");
    shop.close(&shop.policies().token_only()).await;
}

async fn merge_status(ledgers: &Ledgers, patch: Value) -> kube::Result<Value> {
    let written = ledgers.patch_status("a", &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(written.data["status"].clone())
}

fn status(token: &str) -> Value {
    json!({ "metadata": { "annotations": { STAMP: "1" } }, "status": { "fencingToken": token, "paid": fastrand::u16(..) } })
}

pub(super) async fn a_status_has_its_own_token(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let (candidate, admin) = enforced(&shop).await;

    is_refused(merge_status(&candidate, json!({ "status": { "paid": 1 } })).await, UNSTAMPED);
    merge_status(&candidate, status("260")).await.expect("the first token");
    is_refused(merge_status(&candidate, status("105")).await, "the fencing token 105 is below 260");
    is_refused(merge_status(&admin, status("105")).await, "is below 260");
    is_refused(merge_status(&admin, json!({ "status": null })).await, "is below 260");
    merge_status(&admin, json!({ "status": { "paid": 3 } })).await.expect("a controller that leaves the token alone");
    // The annotation of such a request is ignored.
    let stamp = admin.get("a").await.expect("a ledger").metadata.annotations.unwrap_or_default();
    assert_eq!(stamp.get(STAMP), None);

    // A touch of the annotation fences the status, and the other way round. Who is no candidate may still write the status.
    merge(&candidate, "a", stamped("300")).await.expect("a touch");
    is_refused(merge_status(&candidate, status("299")).await, "the fencing token 299 is below 300");
    merge_status(&admin, json!({ "status": { "paid": 4 } })).await.expect("a controller that knows no token");
    merge_status(&candidate, status("400")).await.expect("a higher token");
    is_refused(merge(&candidate, "a", stamped("399")).await, "the fencing token 399 is below 400");
    merge(&candidate, "a", stamped("400")).await.expect("the token of the status");
    shop.close(&shop.policies().token_only()).await;
}

pub(super) async fn a_deletion_names_its_version(world: Arc<World>) {
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let (candidate, admin) = enforced(&shop).await;

    let seen = merge(&candidate, "a", stamped("260")).await.expect("the first token");
    let any = DeleteParams::default();
    is_refused(candidate.delete("a", &any).await, "deletes with preconditions.resourceVersion");
    let uid = Preconditions { uid: seen.metadata.uid.clone(), resource_version: None };
    let of_this_uid = DeleteParams { preconditions: Some(uid), ..DeleteParams::default() };
    is_refused(candidate.delete("a", &of_this_uid).await, "deletes with preconditions.resourceVersion");
    is_refused(
        candidate.delete_collection(&any, &Default::default()).await,
        "deletes with preconditions.resourceVersion",
    );

    let version = |resource_version: Option<String>| {
        let seen = Preconditions { resource_version, uid: None };
        DeleteParams { preconditions: Some(seen), ..DeleteParams::default() }
    };
    // The touch of a later leader.
    let touched =
        merge(&candidate, "a", json!({ "metadata": { "annotations": { STAMP: "300" } } })).await.expect("a touch");
    match candidate.delete("a", &version(seen.metadata.resource_version)).await {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 409, "{status:?}"),
        other => panic!("a deletion of a version from before the touch: {other:?}"),
    }
    candidate.delete("a", &version(touched.metadata.resource_version)).await.expect("the version that it has seen");
    assert!(admin.get_opt("a").await.expect("an answer").is_none());
    shop.create("b").await;
    admin.delete("b", &any).await.expect("an administrator deletes as before");
    shop.close(&shop.policies().token_only()).await;
}
