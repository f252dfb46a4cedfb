//! Features that need a caller in this process: paused time, faults, the log, control of watches.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, WatchEvent, WatchParams};
use tokio::time::timeout;

use super::*;
use lease_protocol::clock::{Clock, WallTime};

use crate::clock::PausedClock;

mod dates;
mod faults;
mod objects;
mod watches;

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

/// Whether `future` is still unfinished after an hour. With paused time, the hour passes at once.
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
    let clock = PausedClock::starting_at(WallTime(1_000_000_000_000_000));
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

#[tokio::test]
async fn the_log_contains_verbs_callers_and_names() {
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

#[tokio::test]
async fn objects_can_change_without_a_request() {
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
async fn a_server_can_be_started_again_at_the_same_address() {
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

    api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::half_a_body());
    assert!(leases.get("x").await.is_err());
    api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::drop_connection());
    assert!(matches!(leases.get("x").await, Err(kube::Error::Service(_))));

    let mut events = watch(&leases, &version(&made).to_string()).await;
    let addr = server.addr();
    server.stop().await;
    assert_eq!(next(&mut events).await, "end");
    assert!(matches!(leases.get("x").await, Err(kube::Error::Service(_))));

    let server = api.serve(addr).await.expect("bound again");
    assert_eq!(leases.get("x").await.expect("there"), made);
    api.inject(RequestMatcher::verb(Verb::Get), Fault::hang());
    let hung = tokio::spawn(async move { leases.get("x").await });
    api.requests().wait_for(1, |entry| entry.outcome == Outcome::Open && entry.call.verb == Verb::Get).await;
    server.kill().await;
    assert!(hung.await.expect("no panic").is_err());
}

#[tokio::test]
async fn coordinated_leader_election_is_checked_where_it_is_on() {
    let strategy = |strategy: Option<&str>, preferred: Option<&str>| {
        let mut lease = lease("x", "a");
        let spec = lease.spec.get_or_insert_default();
        spec.strategy = strategy.map(str::to_owned);
        spec.preferred_holder = preferred.map(str::to_owned);
        lease
    };
    let api = EmbeddedApi::with(Settings::default().coordinated_leader_election(true));
    let leases = leases(&api, "a");
    let post = async |lease: Lease| leases.create(&PostParams { dry_run: true, ..PostParams::default() }, &lease).await;
    assert_eq!(code(post(strategy(None, Some("b"))).await), 422);
    assert_eq!(code(post(strategy(Some("Fastest"), None)).await), 422);
    assert_eq!(code(post(strategy(Some("example.com/"), None)).await), 422);
    assert_eq!(code(post(strategy(Some("example.com/fastest"), None)).await), 200);
    let stored = post(strategy(Some("OldestEmulationVersion"), Some("b"))).await.expect("valid");
    assert_eq!(stored.spec.expect("a spec").preferred_holder.as_deref(), Some("b"));
}

#[tokio::test]
async fn headers_name_the_caller() {
    let api = EmbeddedApi::new();
    let ask = async |name: &'static str, value: &'static str| {
        let request = http::Request::get("/version").header(name, value).body(http_body_util::Empty::<Bytes>::new());
        let answer = tower_service::Service::call(&mut api.service(), request.expect("a request")).await;
        assert_eq!(answer.expect("an answer").status(), 200);
        api.requests().entries().last().map(|entry| entry.call.caller.clone()).unwrap_or_default()
    };
    assert_eq!(ask("authorization", "Bearer pod-a").await, "pod-a");
    assert_eq!(ask("impersonate-user", "pod-b").await, "pod-b");
    assert_eq!(ask("accept", "*/*").await, "system:anonymous");
}
