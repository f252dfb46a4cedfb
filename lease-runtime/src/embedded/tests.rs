//! What only a caller in this process can see: paused time, faults, the log, orders to watches.

use std::future::Future;
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use super::*;
use crate::clock::{Clock, TokioClock, WallTime};

const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3600);

fn lease(name: &str, holder: &str) -> Lease {
    Lease {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }),
    }
}

fn leases(api: &EmbeddedApi, caller: &str) -> Api<Lease> {
    Api::default_namespaced(api.client_as(caller, "default"))
}

async fn create(leases: &Api<Lease>, name: &str) -> Lease {
    leases.create(&PostParams::default(), &lease(name, "a")).await.expect("created")
}

async fn renew(leases: &Api<Lease>, lease: &Lease, holder: &str) -> kube::Result<Lease> {
    let mut next = lease.clone();
    next.spec.get_or_insert_default().holder_identity = Some(holder.to_owned());
    leases.replace(next.metadata.name.as_deref().expect("named"), &PostParams::default(), &next).await
}

fn code<T>(result: kube::Result<T>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        Err(_) => 0,
        Ok(_) => 200,
    }
}

fn version(lease: &Lease) -> u64 {
    lease.metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).expect("a version")
}

fn holder(api: &EmbeddedApi, name: &str) -> Option<String> {
    api.lease("default", name)?.spec?.holder_identity
}

/// Whether `future` is still unfinished after an hour, which under paused time passes at once.
async fn hangs<F: Future>(future: F) -> bool {
    timeout(LONG, future).await.is_err()
}

async fn watch(leases: &Api<Lease>, from: &str) -> impl Stream<Item = kube::Result<WatchEvent<Lease>>> + Unpin + use<> {
    let params = WatchParams::default().timeout(290).disable_bookmarks();
    Box::pin(leases.watch(&params, from).await.expect("a watch"))
}

/// The next event as a short text.
async fn next(events: &mut (impl Stream<Item = kube::Result<WatchEvent<Lease>>> + Unpin)) -> String {
    let of = |kind: &str, lease: Lease| {
        format!(
            "{kind} {} {}",
            lease.metadata.name.unwrap_or_default(),
            lease.spec.unwrap_or_default().holder_identity.unwrap_or_default()
        )
    };
    match timeout(SOON, events.try_next()).await {
        Err(_) => "silence".to_owned(),
        Ok(Err(error)) => format!("broken: {error}"),
        Ok(Ok(None)) => "end".to_owned(),
        Ok(Ok(Some(event))) => match event {
            WatchEvent::Added(lease) => of("added", lease),
            WatchEvent::Modified(lease) => of("modified", lease),
            WatchEvent::Deleted(lease) => of("deleted", lease),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            WatchEvent::Error(status) => format!("error {}", status.code),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn objects_and_log_are_dated_by_the_clock_that_was_set() {
    let clock = TokioClock::starting_at(WallTime(1_000_000_000_000_000));
    let api = EmbeddedApi::with(Settings::default().clock(clock).seed(7));
    let leases = leases(&api, "a");
    tokio::time::sleep(LONG).await;
    let made = create(&leases, "x").await;
    assert_eq!(made.metadata.creation_timestamp.expect("dated").0.as_second(), 1_000_003_600);
    let entries = api.requests().entries();
    assert_eq!(entries[0].at, clock.now());
    let again = EmbeddedApi::with(Settings::default().clock(clock).seed(7));
    let twin = create(&self::leases(&again, "a"), "x").await;
    assert_eq!(made.metadata.uid, twin.metadata.uid, "the same seed gives the same uids");
}

#[tokio::test(start_paused = true)]
async fn a_hung_request_has_no_effect_and_no_answer() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let fault = api.inject(When::verb(Verb::Update).name("x"), Fault::hang());
    assert!(hangs(renew(&leases, &made, "b")).await);
    assert_eq!(holder(&api, "x").as_deref(), Some("a"));
    assert_eq!(api.requests().entries().last().map(|entry| entry.outcome), Some(Outcome::Abandoned));
    assert_eq!(fault.hits(), 1);
    fault.remove();
    assert!(renew(&leases, &made, "b").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_its_effect() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    api.inject(When::writes().times(1), Fault::lost_answer());
    assert!(hangs(renew(&leases, &made, "b")).await);
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert_eq!(code(renew(&leases, &made, "c").await), 409);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_takes_effect_after_its_caller_has_gone() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let late = api.inject(When::writes().times(1), Fault::none().late(10 * SOON));
    assert!(timeout(SOON, renew(&leases, &made, "b")).await.is_err());
    assert_eq!(holder(&api, "x").as_deref(), Some("a"));
    tokio::time::sleep(10 * SOON).await;
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    // The merely delayed one dies with its caller.
    late.remove();
    api.inject(When::writes().times(1), Fault::none().delayed(10 * SOON));
    let current = leases.get("x").await.expect("there");
    assert!(timeout(SOON, renew(&leases, &current, "c")).await.is_err());
    tokio::time::sleep(LONG).await;
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_slow_while_the_effect_is_not() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    api.inject(When::writes(), Fault::none().slow_answer(10 * SOON));
    let call = renew(&leases, &made, "b");
    let mut call = std::pin::pin!(call);
    assert!(timeout(SOON, &mut call).await.is_err());
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert!(timeout(10 * SOON, call).await.expect("in time").is_ok());
}

#[tokio::test]
async fn refusals_look_like_the_api_s_own() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "system:serviceaccount:default:pod");
    create(&leases, "x").await;
    for fault in [401, 403, 404, 409, 410, 422, 429, 500, 503, 504] {
        api.inject(When::verb(Verb::Get).times(1), Fault::status(fault).retry_after(7));
        let Err(kube::Error::Api(status)) = leases.get("x").await else { panic!("{fault} was no Status") };
        assert_eq!(status.code, fault);
        assert!(!status.reason.is_empty(), "{fault}");
        assert_eq!(status.details.expect("details").retry_after_seconds, 7);
    }
    api.inject(When::verb(Verb::Watch), Fault::status(403));
    let Err(kube::Error::Api(status)) = leases.watch(&WatchParams::default(), "0").await.map(|_| ()) else {
        panic!("watch was not refused")
    };
    assert_eq!(
        status.message,
        "leases.coordination.k8s.io is forbidden: User \"system:serviceaccount:default:pod\" cannot watch resource \"leases\" \
         in API group \"coordination.k8s.io\" in the namespace \"default\""
    );
}

#[tokio::test]
async fn a_refusal_can_follow_the_effect() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    api.inject(When::writes().times(1), Fault::status(504).after_commit());
    assert_eq!(code(renew(&leases, &made, "b").await), 504);
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
}

#[tokio::test]
async fn a_dropped_connection_is_a_transport_error() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    api.inject(When::writes().times(1), Fault::drop_connection());
    assert!(matches!(renew(&leases, &made, "b").await, Err(kube::Error::Service(_))));
    assert_eq!(holder(&api, "x").as_deref(), Some("a"));
    api.inject(When::writes().times(1), Fault::drop_connection().after_commit());
    assert!(matches!(renew(&leases, &made, "b").await, Err(kube::Error::Service(_))));
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert_eq!(api.requests().count(|entry| entry.outcome == Outcome::Dropped), 2);
}

#[tokio::test]
async fn answers_can_be_somebody_else_s_or_half() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    create(&leases, "x").await;
    api.inject(When::verb(Verb::Get).times(1), Fault::html(502));
    assert_eq!(code(leases.get("x").await), 502);
    api.inject(When::verb(Verb::Get).times(1), Fault::html(200));
    assert!(matches!(leases.get("x").await, Err(kube::Error::SerdeError(_))));
    api.inject(When::verb(Verb::Get).times(1), Fault::half_a_body());
    let error = leases.get("x").await.expect_err("half a lease");
    assert!(!matches!(error, kube::Error::Api(_) | kube::Error::SerdeError(_)), "{error:?}");
}

#[tokio::test]
async fn rules_count_and_the_latest_decides() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    create(&leases, "x").await;
    let first = api.inject(When::verb(Verb::Get), Fault::status(500));
    let second = api.inject(When::leases().name("x").caller("a").skip(1).times(2), Fault::status(503));
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(code(leases.get("x").await));
    }
    assert_eq!(codes, [500, 503, 503, 500, 500]);
    assert_eq!((first.hits(), second.hits()), (3, 2));
    second.hit(2).await;
    api.clear_faults();
    assert_eq!(code(leases.get("x").await), 200);
    api.inject_with(|call| (call.holder() == Some("")).then(|| Fault::status(500)));
    let made = leases.get("x").await.expect("there");
    assert_eq!(code(renew(&leases, &made, "").await), 500);
    assert_eq!(code(renew(&leases, &made, "b").await), 200);
}

#[tokio::test]
async fn the_log_knows_verbs_callers_and_names() {
    let api = EmbeddedApi::new();
    let (a, b) = (leases(&api, "a"), leases(&api, "b"));
    let made = create(&a, "x").await;
    renew(&a, &made, "b").await.expect("renewed");
    b.get("x").await.expect("there");
    b.list(&ListParams::default()).await.expect("listed");
    let _events = b.watch(&WatchParams::default().fields("metadata.name=x"), "0").await.expect("a watch");
    b.delete("x", &DeleteParams::default()).await.expect("deleted");
    let log = api.requests();
    let summary: Vec<_> = log
        .entries()
        .iter()
        .map(|entry| {
            let name = entry.call.name.clone().unwrap_or_default();
            format!("{} {} {name} {}", entry.call.caller, entry.call.verb, entry.code().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        summary,
        ["a create x 201", "a update x 200", "b get x 200", "b list  200", "b watch x 200", "b delete x 200"]
    );
    assert_eq!(log.by_verb()[&Verb::Update], 1);
    assert_eq!(log.by_caller()["b"].len(), 4);
    assert_eq!(log.total(), 6);
    log.wait_for(1, |entry| entry.call.verb == Verb::Delete).await;
    log.clear();
    assert_eq!((log.total(), log.entries().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn watches_follow_until_told_otherwise() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let mut events = watch(&leases, "0").await;
    assert_eq!(next(&mut events).await, "added x a");
    let made = renew(&leases, &made, "b").await.expect("renewed");
    assert_eq!(next(&mut events).await, "modified x b");

    assert_eq!(api.silence_watches(|call| call.caller == "a"), 1);
    let made = renew(&leases, &made, "c").await.expect("renewed");
    assert_eq!(next(&mut events).await, "silence");
    tokio::time::sleep(LONG).await;
    assert_eq!(next(&mut events).await, "silence", "not even its end is heard of");
    api.resume_watches(|_| true);
    assert_eq!(next(&mut events).await, "modified x c");
    // Its time was up long ago.
    assert_eq!(next(&mut events).await, "end");

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.watches().len(), 1);
    assert_eq!(api.close_watches(|_| true), 1);
    assert_eq!(next(&mut events).await, "end");
    assert_eq!(api.watches().len(), 0);

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.expire_watches(|_| true), 1);
    assert_eq!(next(&mut events).await, "error 410");
    assert_eq!(next(&mut events).await, "end");

    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(api.break_watches(|_| true), 1);
    assert!(next(&mut events).await.starts_with("broken"));
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_after_its_time_with_a_bookmark_shortly_before() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let params = WatchParams::default().timeout(10);
    let begun = tokio::time::sleep(Duration::ZERO).deadline();
    let mut events = Box::pin(leases.watch(&params, "0").await.expect("a watch"));
    let bookmark = timeout(LONG, events.try_next()).await.expect("in time").expect("unbroken");
    assert!(matches!(bookmark, Some(WatchEvent::Bookmark(_))));
    assert_eq!(tokio::time::sleep(Duration::ZERO).deadline() - begun, Duration::from_secs(8));
    assert!(timeout(LONG, events.try_next()).await.expect("in time").expect("unbroken").is_none());
    assert_eq!(tokio::time::sleep(Duration::ZERO).deadline() - begun, Duration::from_secs(10));
}

#[tokio::test]
async fn a_watch_that_falls_behind_gets_410() {
    let api = EmbeddedApi::with(Settings::default().changes_kept(3));
    let leases = leases(&api, "a");
    let mut made = create(&leases, "x").await;
    let mut events = watch(&leases, &version(&made).to_string()).await;
    for holder in ["b", "c", "d", "e", "f"] {
        made = renew(&leases, &made, holder).await.expect("renewed");
    }
    assert_eq!(next(&mut events).await, "error 410");
    assert_eq!(next(&mut events).await, "end");
}

#[tokio::test]
async fn compaction_ends_the_watches_that_start_before_it() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    renew(&leases, &made, "b").await.expect("renewed");
    let mut events = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(next(&mut events).await, "modified x b");
    api.compact();
    assert_eq!(next(&mut events).await, "silence", "one that is up to date goes on");
    let mut late = watch(&leases, &version(&made).to_string()).await;
    assert_eq!(next(&mut late).await, "error 410");
}

#[tokio::test]
async fn objects_can_change_behind_the_api_s_back() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let before = api.snapshot();
    assert!(api.edit_lease("default", "x", |lease| lease["spec"]["holderIdentity"] = "thief".into()));
    assert_eq!(holder(&api, "x").as_deref(), Some("thief"));
    assert_eq!(code(renew(&leases, &made, "b").await), 409);
    api.put_lease("default", "x", &serde_json::json!({ "spec": { "leaseDurationSeconds": -1 } }));
    let other = leases.get("x").await.expect("there");
    assert_ne!(other.metadata.uid, made.metadata.uid);
    assert!(api.delete_lease("default", "x"));
    assert!(!api.delete_lease("default", "x"));
    api.skip_revisions(1_000);
    let again = create(&leases, "x").await;
    assert!(version(&again) > version(&made) + 1_000);
    api.restore(&before);
    assert_eq!(leases.get("x").await.expect("restored"), made);
    assert_eq!(version(&made), api.revision());
}

#[tokio::test]
async fn a_server_can_be_stopped_and_started_where_it_was() {
    let api = EmbeddedApi::new();
    let server = api.serve(([127, 0, 0, 1], 0)).await.expect("bound");
    let connect = |text: String| async move {
        let config = kube::config::Kubeconfig::from_yaml(&text).expect("a kubeconfig");
        let mut config = kube::Config::from_custom_kubeconfig(config, &Default::default()).await.expect("a config");
        config.default_retry = false;
        Api::<Lease>::default_namespaced(kube::Client::try_from(config).expect("a client"))
    };
    let leases = connect(server.kubeconfig_as("pod-a", "default")).await;
    let made = create(&leases, "x").await;
    assert_eq!(api.requests().by_caller()["pod-a"][&Verb::Create], 1);

    let mut events = watch(&leases, &version(&made).to_string()).await;
    server.close_connections();
    assert_ne!(next(&mut events).await, "silence");
    assert_eq!(leases.get("x").await.expect("there"), made);

    api.inject(When::verb(Verb::Get).times(1), Fault::half_a_body());
    assert!(leases.get("x").await.is_err());
    api.inject(When::verb(Verb::Get).times(1), Fault::drop_connection());
    assert!(matches!(leases.get("x").await, Err(kube::Error::Service(_))));

    let mut events = watch(&leases, &version(&made).to_string()).await;
    let addr = server.addr();
    server.stop().await;
    assert_eq!(next(&mut events).await, "end");
    assert!(matches!(leases.get("x").await, Err(kube::Error::Service(_))));

    let server = api.serve(addr).await.expect("bound again");
    assert_eq!(leases.get("x").await.expect("there"), made);
    api.inject(When::verb(Verb::Get), Fault::hang());
    let hung = tokio::spawn(async move { leases.get("x").await });
    api.requests().wait_for(1, |entry| entry.outcome == Outcome::Open && entry.call.verb == Verb::Get).await;
    server.kill().await;
    assert!(hung.await.expect("no panic").is_err());
}
