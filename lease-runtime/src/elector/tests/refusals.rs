//! Refusals by the cluster, and how they are reported.

use super::log::Lines;
use super::*;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn a_refusal_at_the_first_contact_names_the_role_that_would_help() {
    for verb in [Verb::Get, Verb::Update] {
        let world = World::new();
        world.api.inject(RequestMatcher::verb(verb), Fault::status(403));
        let mut a = world.replica("a");
        let status = a.status_until(|status| status.fatal).await;
        let problem = status.problem.expect("fatal for no reason");
        let ElectorError::Forbidden(denial) = &*problem else { panic!("{problem:?}") };
        assert_eq!((&*denial.verb, denial.user.as_deref()), (verb.as_str(), Some("a")));
        assert_eq!((&*denial.namespace, &*denial.name), (NAMESPACE, LEASE));
        let text = problem.to_string();
        assert!(text.contains("kind: RoleBinding") && text.contains("resourceNames: [\"ledger\"]"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_later_on_is_waited_out() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(5).await;
    let refusal = world.api.inject(RequestMatcher::any(), Fault::status(403));
    secs(60).await;
    for replica in [&mut a, &mut b] {
        assert!(!replica.status().fatal, "{:?}", replica.status());
        assert!(matches!(replica.status().problem.as_deref(), Some(ElectorError::Forbidden(_))));
    }
    refusal.remove();
    drop(led);
    let _led = tokio::select! { led = a.term() => led, led = b.term() => led };
    a.status_until(|status| status.problem.is_none()).await;
    b.status_until(|status| status.problem.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_does_not_exist_is_said_so() {
    let world = World::new();
    let client = world.api.client_as("a", "nowhere");
    let elector = Elector::start(Connection::Client(client), "a".into(), Arc::clone(&world.clock), Vec::new()).unwrap();
    let mut election = elector.contend(LeaseId::new("nowhere", LEASE), Timing::default());
    let status = election.status.wait_for(|status| status.fatal).await.unwrap().clone();
    let problem = status.problem.unwrap();
    assert!(
        matches!(&*problem, ElectorError::NamespaceMissing { namespace, .. } if namespace == "nowhere"),
        "{problem}"
    );
    // When somebody creates it, this process goes on without a restart.
    world.api.create_namespace("nowhere");
    assert!(election.terms.recv().await.is_some());
    assert!(!election.status.borrow().fatal);
}

/// No answer is not a refusal: the process waits for its API server.
#[tokio::test(start_paused = true)]
async fn an_api_that_cannot_be_reached_at_the_start_is_waited_for() {
    for fault in [Fault::hang(), Fault::drop_connection(), Fault::status(503), Fault::html(502)] {
        let world = World::new();
        let outage = world.api.inject(RequestMatcher::any(), fault.clone());
        let mut a = world.replica("a");
        secs(300).await;
        assert!(!a.status().fatal && a.status().problem.is_some(), "{fault:?}: {:?}", a.status());
        outage.remove();
        let (_led, took) = a.term_after().await;
        assert!(took <= Duration::from_secs(6), "{took:?} after {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_problem_is_logged_once_and_reported_as_over() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    let (mut a, b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(12).await;
    assert_eq!(lines.count("WARN") + lines.count("ERROR"), 0, "{lines:?}");
    // Access rules are a problem of each verb: here of the read, and later of the takeover.
    for (fault, level, times) in [(Fault::status(403), "ERROR", 2), (Fault::status(500), "WARN", 1)] {
        let outage = world.api.inject(from("b").or(Verb::Get).or(Verb::Update), fault.clone());
        world.api.inject(RequestMatcher::verb(Verb::Watch).caller("b"), fault.clone());
        world.api.break_watches(is_watch_of("b"));
        secs(600).await;
        outage.remove();
        world.api.clear_faults();
        // Access rules are tried again after a few minutes.
        secs(400).await;
        let problem = "a request failed";
        assert_eq!(lines.matching(&[level, problem]), times, "{lines:?}");
        assert!(lines.matching(&["DEBUG", problem]) > 50, "{lines:?}");
        assert_eq!(lines.matching(&["INFO", "requests succeed again"]), 1, "{lines:?}");
        // The refusal, and that the watch broke, if the moment was over before another watch was refused.
        let unwatched = lines.matching(&["cannot be watched"]) - lines.matching(&["DEBUG", "cannot be watched"]);
        assert!((1..=2).contains(&unwatched), "{lines:?}");
        assert_eq!(lines.matching(&["INFO", "watched again"]), 1, "{lines:?}");
        lines.clear();
    }
    assert!(led.goes_on());
    assert_eq!(b.status().standing, Standing::Follower);
}

#[tokio::test(start_paused = true)]
async fn transitions_are_logged_with_their_term() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(12).await;
    a.election.withdraw(StopReason::Shutdown);
    let token = format!("term={}", led.term.fencing_token());
    drop(led);
    a.election.left().await;
    let fields = [" lease=ledger ", " namespace=default ", " identity=a", "INFO"];
    for words in ["started leading", "giving up lease", "all tasks stopped"] {
        assert_eq!(lines.matching(&[&fields[..], &[words, &token]].concat()), 1, "{words}: {lines:?}");
    }
    assert_eq!(lines.matching(&[&fields[..], &["released lease"]].concat()), 1, "{lines:?}");
    assert_eq!(lines.count("WARN") + lines.count("ERROR"), 0, "{lines:?}");
}

/// The problems that a replica reports within two minutes, as text.
async fn problems(replica: &Replica) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..1200 {
        millis(100).await;
        let problem = replica.status().problem.map(|problem| problem.to_string());
        if seen.last() != problem.as_ref() {
            seen.extend(problem);
        }
    }
    seen
}

/// Without HTTP/2 each write is sent again while it waits. One copy is refused, and others have no answer yet.
#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_slowly_has_been_reached() {
    for seconds in [4, 6, 8, 9] {
        let world = World::new();
        let refusal = Fault::status(500).message("failed calling webhook").delayed(Duration::from_secs(seconds));
        world.api.inject(RequestMatcher::writes(), refusal);
        let a = world.replica("a");
        let seen = problems(&a).await;
        assert!(seen.iter().any(|problem| problem.contains("failed calling webhook")), "{seconds} s: {seen:?}");
        assert!(!seen.iter().any(|problem| problem.contains("cannot be reached")), "{seconds} s: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn to_lose_a_race_of_slow_writes_is_no_problem() {
    for (seconds, apart) in (4..=9).flat_map(|seconds| [0, 30, 900].map(|apart| (seconds, apart))) {
        let world = World::new();
        world.api.inject(RequestMatcher::writes(), Fault::none().late(Duration::from_secs(seconds)));
        let _a = world.replica("a");
        millis(apart).await;
        let b = world.replica("b");
        let seen = problems(&b).await;
        assert!(seen.iter().all(|problem| problem.contains("slow")), "{seconds} s, {apart} ms apart: {seen:?}");
    }
}
