//! The queue and its writer against the embedded API, in virtual time.

use super::event::Happening;
use super::*;
use crate::clock::{TokioClock, WallTime};
use crate::elector::tests::log::{Capture, Lines};
use crate::embedded::{EmbeddedApi, Fault, Injection, RequestMatcher, Settings};
use crate::lease::LeaseId;

/// A candidate that does nothing but report.
struct Reports {
    api: EmbeddedApi,
    clock: Arc<dyn Clock>,
    events: KubeEvents,
    lines: Lines,
    _capture: Capture,
}

impl Reports {
    /// Call it on a paused runtime.
    fn new() -> Reports {
        let clock = TokioClock::starting_at(WallTime(1_700_000_000_000_000));
        let api = EmbeddedApi::with(Settings::default().clock(clock).seed(7));
        let (events, writer) = KubeEvents::open(Arc::new(clock));
        drop(tokio::spawn(writer.run(api.client_as("a", "default"))));
        let lines = Lines::default();
        let capture = lines.capture();
        Reports { api, clock: Arc::new(clock), events, lines, _capture: capture }
    }

    fn reporter(&self, namespace: &str, lease: &str) -> LeaseReporter {
        LeaseReporter::new(&self.events, &LeaseId::new(namespace, lease), &"a".into(), &self.clock)
    }

    fn refuse(&self, fault: Fault) -> Injection {
        self.api.inject(RequestMatcher::events(), fault)
    }

    fn sent(&self) -> u64 {
        self.api.requests().total()
    }

    fn notes(&self) -> Vec<String> {
        self.api.events().into_iter().filter_map(|event| event.note).collect()
    }
}

async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut_to_the_allowance_of_the_lease() {
    let reports = Reports::new();
    let (flooded, other) = (reports.reporter("default", "ledger"), reports.reporter("default", "orders"));
    for _ in 0..60 {
        for _ in 0..100 {
            flooded.task_overrun(&"sync".into());
        }
        // Another handle on the same lease, as of its next election, has no allowance of its own.
        reports.reporter("default", "ledger").became_leader();
        seconds(1).await;
    }
    assert_eq!(reports.sent(), 5 + 60 / 5 - 1, "{:?}", reports.notes());
    other.became_leader();
    seconds(1).await;
    assert_eq!(reports.notes().last().map(String::as_str), Some("a became leader"));
    assert_eq!(reports.lines.matching(&["DEBUG", "Kubernetes Events were dropped"]), 1, "{:?}", reports.lines.all());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_fills_the_queue_and_delays_nobody() {
    let reports = Reports::new();
    let hanging = reports.refuse(Fault::hang());
    let before = reports.clock.now();
    for lease in 0..100 {
        reports.reporter("default", &format!("ledger-{lease}")).became_leader();
    }
    assert_eq!(reports.clock.now(), before);
    reports.events.written().await;
    assert_eq!(reports.clock.now().since(before), Duration::from_secs(1));
    seconds(120).await;
    // One is being written while eight wait, or none is yet.
    assert!((8..=9).contains(&reports.sent()), "{}", reports.sent());
    reports.events.written().await;
    let now = reports.clock.now().since(before);
    assert_eq!(now, Duration::from_secs(121), "all have been given up, each after five seconds");
    hanging.remove();
    reports.reporter("default", "orders").became_leader();
    reports.events.written().await;
    assert_eq!(reports.notes(), ["a became leader"]);
    assert_eq!(reports.lines.count("INFO"), 0, "{:?}", reports.lines);
    assert_eq!(reports.lines.matching(&["DEBUG", "could not be written", "no answer within 5s"]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_said_once_and_asked_about_again_after_ten_minutes() {
    let reports = Reports::new();
    reports.api.create_namespace("jobs");
    let in_default = RequestMatcher::events().and(|call| call.namespace.as_deref() == Some("default"));
    let refused = reports.api.inject(in_default, Fault::status(403));
    let (denied, granted) = (reports.reporter("default", "ledger"), reports.reporter("jobs", "orders"));
    for _ in 0..24 {
        denied.became_leader();
        granted.became_leader();
        seconds(60).await;
    }
    assert_eq!(refused.hits(), 3, "at 0, 10 and 20 minutes");
    assert_eq!(reports.notes().len(), 24, "another namespace may be another matter");
    assert_eq!(reports.lines.count("INFO"), 1, "{:?}", reports.lines);
    let rule = ["`a` may not create events of events.k8s.io in namespace `default`", "apiGroups: [\"events.k8s.io\"]"];
    assert_eq!(reports.lines.matching(&rule), 1, "{:?}", reports.lines);
    refused.remove();
    seconds(600).await;
    denied.became_leader();
    reports.events.written().await;
    assert_eq!(reports.notes().len(), 25);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_without_events_and_a_busy_server_are_no_news() {
    for (fault, again) in [
        (Fault::status(429).retry_after(3), 2),
        (Fault::status(404), 1),
        (Fault::body(404, "text/plain", "404 page not found\n"), 1),
        (Fault::body(403, "application/json", TERMINATING), 1),
    ] {
        let reports = Reports::new();
        let refused = reports.refuse(fault);
        for _ in 0..2 {
            reports.reporter("default", "ledger").became_leader();
            seconds(30).await;
        }
        assert_eq!(refused.hits(), again);
        assert_eq!(reports.lines.all(), [] as [String; 0]);
    }
}

const TERMINATING: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,
    "message":"events.events.k8s.io \"x\" is forbidden: unable to create new content in namespace default because it is being terminated",
    "details":{"name":"x","kind":"events","causes":[{"reason":"NamespaceTerminating","message":"it is being terminated","field":"metadata.namespace"}]}}"#;

#[tokio::test(start_paused = true)]
async fn another_failure_is_said_once() {
    let webhook = "admission webhook \"policy.example.com\" denied the request: \u{1b}[2J no";
    for (fault, level, words) in [
        (Fault::status(422), "INFO", "the API server refuses a Kubernetes Event"),
        (Fault::status(403).message(webhook), "INFO", "denied the request: \\u{1b}[2J no"),
        (Fault::status(500), "DEBUG", "could not be written"),
        (Fault::drop_connection(), "DEBUG", "could not be written"),
        (Fault::half_a_body(), "DEBUG", "could not be written"),
    ] {
        let reports = Reports::new();
        let refused = reports.refuse(fault);
        for _ in 0..3 {
            reports.reporter("default", "ledger").became_leader();
            seconds(30).await;
        }
        assert_eq!(refused.hits(), 3);
        assert_eq!(reports.lines.matching(&[level, words]), 1, "{words}: {:?}", reports.lines.all());
        assert_eq!(reports.lines.all().len(), 1, "{:?}", reports.lines.all());
    }
}

#[tokio::test(start_paused = true)]
async fn what_this_process_wished_is_no_loss() {
    use lease_protocol::election::{LossReason, StopReason};
    let reports = Reports::new();
    let reporter = reports.reporter("default", "ledger");
    for wished in [StopReason::Shutdown, StopReason::Finished, StopReason::SteppedDown, StopReason::Withdrawn] {
        reporter.leader_lost(&wished);
    }
    reporter.leader_lost(&StopReason::Lost(LossReason::NotRenewed));
    reporter.leader_lost(&StopReason::RuntimeGone);
    reports.events.written().await;
    assert_eq!(reports.notes().len(), 2, "{:?}", reports.notes());
}

/// An API server accepts the largest Event that can be made.
#[tokio::test(start_paused = true)]
async fn the_largest_event_is_accepted() {
    let reports = Reports::new();
    let lease = LeaseId::new("default", format!("{}.{}", "x".repeat(63), "y".repeat(189)));
    let identity: Arc<str> = "\u{7}é".repeat(85).into();
    let what = Happening::TicksMissed((0..500).map(|task| (format!("report-{task}"), u64::MAX / 1_000)).collect());
    reports.events.put(KubeEvent { lease, identity, version: None, at: WallTime(i64::MIN), what }, Moment::ZERO);
    reports.events.written().await;
    assert_eq!(reports.notes().len(), 1, "{:?}", reports.lines.all());
}
