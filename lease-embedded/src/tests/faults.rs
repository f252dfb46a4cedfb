//! Each kind of fault, and the rules that select requests.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hung_request_has_no_effect_and_no_answer() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let fault = api.inject(RequestMatcher::verb(Verb::Update).name("x"), Fault::hang());
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
    api.inject(RequestMatcher::writes().times(1), Fault::lost_answer());
    assert!(hangs(renew(&leases, &made, "b")).await);
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert_eq!(code(renew(&leases, &made, "c").await), 409);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_takes_effect_after_its_caller_has_gone() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    let late = api.inject(RequestMatcher::writes().times(1), Fault::none().late(10 * SOON));
    assert!(timeout(SOON, renew(&leases, &made, "b")).await.is_err());
    assert_eq!(holder(&api, "x").as_deref(), Some("a"));
    tokio::time::sleep(10 * SOON).await;
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    // The request that is only delayed does not arrive, because its caller has given up.
    late.remove();
    api.inject(RequestMatcher::writes().times(1), Fault::none().delayed(10 * SOON));
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
    api.inject(RequestMatcher::writes(), Fault::none().slow_answer(10 * SOON));
    let call = renew(&leases, &made, "b");
    let mut call = std::pin::pin!(call);
    assert!(timeout(SOON, &mut call).await.is_err());
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert!(timeout(10 * SOON, call).await.expect("in time").is_ok());
}

#[tokio::test]
async fn injected_refusals_equal_real_ones() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "system:serviceaccount:default:pod");
    create(&leases, "x").await;
    for fault in [401, 403, 404, 409, 410, 422, 429, 500, 503, 504] {
        api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::status(fault).retry_after(7));
        let Err(kube::Error::Api(status)) = leases.get("x").await else { panic!("{fault} was no Status") };
        assert_eq!(status.code, fault);
        assert!(!status.reason.is_empty(), "{fault}");
        assert_eq!(status.details.expect("details").retry_after_seconds, 7);
    }
    api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(403));
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
    api.inject(RequestMatcher::writes().times(1), Fault::status(504).after_commit());
    assert_eq!(code(renew(&leases, &made, "b").await), 504);
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
}

#[tokio::test]
async fn a_dropped_connection_is_a_transport_error() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    let made = create(&leases, "x").await;
    api.inject(RequestMatcher::writes().times(1), Fault::drop_connection());
    assert!(matches!(renew(&leases, &made, "b").await, Err(kube::Error::Service(_))));
    assert_eq!(holder(&api, "x").as_deref(), Some("a"));
    api.inject(RequestMatcher::writes().times(1), Fault::drop_connection().after_commit());
    assert!(matches!(renew(&leases, &made, "b").await, Err(kube::Error::Service(_))));
    assert_eq!(holder(&api, "x").as_deref(), Some("b"));
    assert_eq!(api.requests().count(|entry| entry.outcome == Outcome::Dropped), 2);
}

#[tokio::test]
async fn answers_can_come_from_a_proxy_or_break_off() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    create(&leases, "x").await;
    api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::html(502));
    assert_eq!(code(leases.get("x").await), 502);
    api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::html(200));
    assert!(matches!(leases.get("x").await, Err(kube::Error::SerdeError(_))));
    api.inject(RequestMatcher::verb(Verb::Get).times(1), Fault::half_a_body());
    let error = leases.get("x").await.expect_err("half a lease");
    assert!(!matches!(error, kube::Error::Api(_) | kube::Error::SerdeError(_)), "{error:?}");
}

#[tokio::test]
async fn rules_count_and_the_latest_decides() {
    let api = EmbeddedApi::new();
    let leases = leases(&api, "a");
    create(&leases, "x").await;
    let first = api.inject(RequestMatcher::verb(Verb::Get), Fault::status(500));
    let second = api.inject(RequestMatcher::leases().name("x").caller("a").skip(1).times(2), Fault::status(503));
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

#[tokio::test(start_paused = true)]
async fn events_are_listed_and_their_refusal_names_their_group() {
    let api = EmbeddedApi::new();
    let events: Api<Event> = Api::default_namespaced(api.client_as("a", "default"));
    for name in ["y", "x"] {
        events.create(&PostParams::default(), &event(name)).await.expect("created");
    }
    let names: Vec<_> = api.events().into_iter().filter_map(|event| event.metadata.name).collect();
    assert_eq!(names, ["y", "x"]);
    api.inject(RequestMatcher::events(), Fault::status(403));
    match events.create(&PostParams::default(), &event("z")).await {
        Err(kube::Error::Api(status)) => assert_eq!(
            status.message,
            "events.events.k8s.io is forbidden: User \"a\" cannot create resource \"events\" in API group \"events.k8s.io\" in \
             the namespace \"default\""
        ),
        other => panic!("{other:?}"),
    }
    create(&leases(&api, "a"), "x").await;
    assert_eq!(api.events().len(), 2);
}

fn event(name: &str) -> Event {
    Event {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        event_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
        regarding: Some(ObjectReference { namespace: Some("default".to_owned()), ..ObjectReference::default() }),
        type_: Some("Normal".to_owned()),
        reason: Some("LeaderElection".to_owned()),
        action: Some("BecomeLeader".to_owned()),
        reporting_controller: Some("example.com/test".to_owned()),
        reporting_instance: Some("a".to_owned()),
        ..Event::default()
    }
}
