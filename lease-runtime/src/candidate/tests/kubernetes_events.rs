//! The Kubernetes Events of a candidate, and that no election depends on them.

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::{Entry, Fault, RequestMatcher, Verb};
use crate::policy::OnExhausted;
use crate::spec::Overrides;
use crate::tick::Tick;

impl World {
    /// The Events: their type, reason, action and note, with the names of candidates instead of their identities.
    fn told(&self) -> Vec<String> {
        let line = |event: k8s_openapi::api::events::v1::Event| {
            let instance = event.reporting_instance.unwrap();
            let note = event.note.unwrap().replace(&instance, instance.split('_').next().unwrap());
            format!("{} {} {}: {note}", event.type_.unwrap(), event.reason.unwrap(), event.action.unwrap())
        };
        self.api.events().into_iter().map(line).collect()
    }

    fn warnings(&self) -> Vec<String> {
        self.told().into_iter().filter(|line| line.starts_with("Warning")).collect()
    }

    /// When the first request arrived that matches `which`.
    fn first(&self, which: impl Fn(&Entry) -> bool) -> crate::clock::Moment {
        self.api.requests().entries().iter().find(|entry| which(entry)).map(|entry| entry.at).unwrap()
    }

    async fn built(&self, set: impl FnOnce(CandidateBuilder) -> CandidateBuilder) -> Candidate {
        let client = self.api.client_as("a", "default");
        let builder = Candidate::builder().identity("a").client(client).clock(self.clock.clone());
        set(builder).build().await.unwrap()
    }
}

fn is_event(entry: &Entry) -> bool {
    entry.call.resource == "events"
}

const BEGAN: &str = "Normal LeaderElection BecomeLeader: a became leader";
const ENDED: &str = "Normal LeaderElection StopLeading: a stopped leading";

#[tokio::test(start_paused = true)]
async fn a_handover_is_told_with_the_fields_by_which_kubectl_finds_it() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    drop((a.add(world.obedient("in_a", LEDGER)), b.add(world.obedient("in_b", LEDGER))));
    let first = Running::start(&a);
    world.story.grown_to(1).await;
    let second = Running::start(&b);
    seconds(30).await;
    first.end().await.unwrap();
    seconds(30).await;
    let (of_b, told): (Vec<_>, Vec<_>) = world.told().into_iter().partition(|line| line.contains(": b "));
    assert_eq!(told, [BEGAN, ENDED]);
    assert_eq!(of_b, ["Normal LeaderElection BecomeLeader: b became leader"]);
    second.end().await.unwrap();
    assert_eq!(world.told().last().map(String::as_str), Some("Normal LeaderElection StopLeading: b stopped leading"));

    let uid = world.api.lease("default", "ledger").unwrap().metadata.uid;
    let mut times = Vec::new();
    for event in world.api.events() {
        let regarding = event.regarding.unwrap();
        assert_eq!(regarding.api_version.as_deref(), Some("coordination.k8s.io/v1"));
        assert_eq!((regarding.kind.as_deref(), regarding.name.as_deref()), (Some("Lease"), Some("ledger")));
        assert_eq!((regarding.namespace.as_deref(), &regarding.uid), (Some("default"), &uid));
        assert!(regarding.resource_version.is_some_and(|version| version.parse::<u64>().is_ok()));
        assert_eq!(event.reporting_controller.as_deref(), Some("lease-runtime.dev/candidate"));
        assert!([a.identity(), b.identity()].contains(&event.reporting_instance.as_deref().unwrap()));
        times.push(event.event_time.unwrap().0);
    }
    assert_eq!(times[0].to_string(), "2023-11-14T22:13:20Z", "the clock of the candidate");
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn the_release_comes_before_the_event_and_waits_for_none() {
    let world = World::new();
    let is_release = |entry: &Entry| entry.call.holder() == Some("");
    world.api.inject(RequestMatcher::events().skip(1), Fault::none().slow_answer(Duration::from_millis(400)));
    let slow = Fault::none().delayed(Duration::from_secs(2));
    world.api.inject(RequestMatcher::matching(|call| call.holder() == Some("")), slow);
    let candidate = world.candidate("a").await;
    drop(candidate.add(world.obedient("one", LEDGER)));
    let before = world.clock.now();
    within(60, candidate.run_until(seconds(10))).await.unwrap();
    assert_eq!(world.told(), [BEGAN, ENDED]);
    let [at_begin, at_end] = [0, 1].map(|number| {
        let events: Vec<_> = world.api.requests().entries().into_iter().filter(is_event).collect();
        events[number].at.since(before)
    });
    let released = world.first(is_release).since(before);
    assert!(at_begin < Duration::from_secs(1) && released >= Duration::from_secs(10));
    assert_eq!(at_end, released + Duration::from_secs(2), "when the release has taken effect");
    assert_eq!(world.clock.now().since(before), at_end + Duration::from_millis(400), "a quick server is waited for");
    // The bodies were gone when the release was sent, and so the process had stopped to lead.
    let stopped = world.api.events().pop().and_then(|event| event.event_time).unwrap().0;
    assert_eq!(stopped.as_second(), 1_700_000_010);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_an_event_delays_neither_a_renewal_nor_a_release() {
    let world = World::new();
    world.api.inject(RequestMatcher::events(), Fault::hang());
    let candidate = world.candidate("a").await;
    drop(candidate.add(world.obedient("one", LEDGER)));
    let before = world.clock.now();
    within(600, candidate.run_until(seconds(300))).await.unwrap();
    let renewals: Vec<_> = world.api.requests().entries().into_iter().filter(|entry| !is_event(entry)).collect();
    let writes: Vec<_> =
        renewals.iter().filter(|entry| entry.call.verb == Verb::Update).map(|entry| entry.at).collect();
    assert!(writes.windows(2).all(|pair| pair[1].since(pair[0]) <= Duration::from_secs(6)), "{writes:?}");
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
    let released = world.first(|entry| entry.call.holder() == Some("")).since(before);
    assert_eq!(released, Duration::from_secs(300));
    assert_eq!(world.clock.now().since(before), Duration::from_secs(301));
    assert!(candidate.status("ledger").unwrap().borrow().problem.is_none());
    assert_eq!(world.told(), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_said_once_and_changes_nothing_else() {
    let world = World::new();
    let lines = Lines::default();
    let _capture = lines.capture();
    world.api.inject(RequestMatcher::events(), Fault::status(403));
    let candidate = world.candidate("a").await;
    drop((candidate.add(world.obedient("one", LEDGER)), candidate.add(world.obedient("two", SHARD))));
    let running = Running::start(&candidate);
    seconds(1800).await;
    for lease in ["ledger", "shard"] {
        let status = candidate.status(lease).unwrap().borrow().clone();
        assert!(matches!(status.standing, Standing::Leader(_)) && status.problem.is_none() && !status.fatal);
    }
    running.end().await.unwrap();
    assert_eq!(world.told(), [] as [String; 0]);
    let rule = ["INFO", "`a` may not create events of events.k8s.io", "resources: [\"events\"]", "verbs: [\"create\"]"];
    assert_eq!(lines.matching(&rule), 1, "{lines:?}");
    assert_eq!(lines.matching(&["Kubernetes Events"]), 1, "{lines:?}");
    assert_eq!((lines.count("WARN"), lines.count("ERROR")), (0, 0), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn events_can_be_turned_off_by_the_program_and_by_the_deployment() {
    let on = || Overrides::default().kubernetes_events(true);
    let off = || Overrides::default().kubernetes_events(false);
    for (program, deployment, told) in
        [(true, Overrides::default(), 2), (false, Overrides::default(), 0), (true, off(), 0), (false, on(), 2)]
    {
        let world = World::new();
        let candidate = world.built(|builder| builder.kubernetes_events(program).overrides(deployment)).await;
        drop(candidate.add(world.obedient("one", LEDGER)));
        let granted = candidate.manifests("app").build().unwrap().to_yaml().contains("events.k8s.io");
        within(60, candidate.run_until(seconds(10))).await.unwrap();
        assert_eq!(world.api.requests().count(is_event), told);
        assert_eq!(granted, told > 0, "the Role grants what is written");
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_election_and_for_a_lease_that_is_only_observed_nothing_is_written() {
    let world = World::new();
    let alone = world.built(|builder| builder.overrides(Overrides::default().election(false))).await;
    drop(alone.add(LeaderTask::new("one", LEDGER, |term: Term| async move { term.cancelled().await })));
    alone.run_until(seconds(1)).await.unwrap();
    assert_eq!(world.api.requests().total(), 0);
    let observer = world.candidate("a").await;
    let _status = observer.observe("ledger");
    world.api.put_lease("default", "ledger", &serde_json::json!({ "spec": { "holderIdentity": "b" } }));
    seconds(60).await;
    assert_eq!(world.api.requests().count(is_event), 0);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_future_is_dropped_still_tells_that_it_stopped() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    drop(candidate.add(world.stubborn("one", LEDGER)));
    {
        let mut run = std::pin::pin!(candidate.run_until(pending::<()>()));
        tokio::select! {
            biased;
            _ = &mut run => unreachable!("nothing ends it"),
            _ = world.story.grown_to(1) => {}
        }
    }
    drop(candidate);
    until(|| world.told().len() == 2).await;
    assert_eq!(world.told(), [BEGAN, ENDED]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_taken_is_a_warning_that_names_the_reason() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    drop(candidate.add(world.obedient("one", LEDGER)));
    let running = Running::start(&candidate);
    seconds(10).await;
    world.api.edit_lease("default", "ledger", |lease| lease["spec"]["holderIdentity"] = "thief\n\u{1b}[2J".into());
    seconds(10).await;
    let lost = "Warning LeaderLost StopLeading: a lost the lease: the lease is held by `thief\\n\\u{1b}[2J`";
    assert_eq!(world.told(), [BEGAN, lost, ENDED]);
    let uid = world.api.lease("default", "ledger").unwrap().metadata.uid;
    world.api.delete_lease("default", "ledger");
    seconds(60).await;
    world.api.delete_lease("default", "ledger");
    seconds(10).await;
    assert_eq!(world.told().last().map(String::as_str), Some(ENDED));
    let of = |event: &k8s_openapi::api::events::v1::Event| event.regarding.as_ref().unwrap().uid.clone();
    let uids: Vec<_> = world.api.events().iter().map(of).collect();
    assert_eq!(uids[..3], [uid.clone(), uid.clone(), uid.clone()]);
    assert!(uids[3].is_some() && uids[3] != uid && uids[3..].iter().all(|other| *other == uids[3]), "{uids:?}");
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_a_renewal_is_a_warning() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    drop(candidate.add(world.obedient("one", LEDGER)));
    let running = Running::start(&candidate);
    seconds(10).await;
    world.api.inject(RequestMatcher::leases(), Fault::status(403));
    seconds(20).await;
    assert_eq!(
        world.told(),
        [BEGAN, "Warning LeaderLost StopLeading: a lost the lease: the lease could not be renewed in time", ENDED]
    );
    world.api.clear_faults();
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_failed_for_good_is_a_warning_without_its_error() {
    let restart = "Warning TaskExhausted RestartTask: task sync of a ";
    for (on_exhausted, consequence) in [
        (OnExhausted::Resign, "giving the lease up so that another replica can try"),
        (OnExhausted::Stop, "it does not run again on this replica"),
    ] {
        let world = World::new();
        let candidate = world.candidate("a").await;
        let task = LeaderTask::new("sync", LEDGER, |_: Term| async { Err::<(), _>("the password is hunter2") });
        drop(candidate.add(task.max_restarts(1, Duration::from_secs(600)).on_exhausted(on_exhausted)));
        let running = Running::start(&candidate);
        until(|| !world.warnings().is_empty()).await;
        let how = format!("keeps failing, its restarts are used up (1 in 600s): {consequence}");
        assert_eq!(world.warnings(), [format!("{restart}{how}")]);
        running.end().await.unwrap();
    }
    let world = World::new();
    let candidate = world.candidate("a").await;
    let task = LeaderTask::new("sync", LEDGER, |_: Term| async { Err::<(), _>("no") });
    drop(candidate.add(task.restart(crate::policy::Restart::Never)));
    let task = LeaderTask::scheduled("report", SHARD, |_: Term, _: Tick| async { Err::<(), _>("no") });
    drop(candidate.add(task.every(Duration::from_secs(60)).retry(2)));
    let running = Running::start(&candidate);
    until(|| world.warnings().len() >= 2).await;
    running.end().await.unwrap();
    assert_eq!(
        world.warnings(),
        [
            format!("{restart}failed and does not run again on this replica"),
            "Warning TaskExhausted RestartTask: task report of a failed at the tick 2023-11-14T22:14:00Z, and its attempts are used \
             up (retry = 2)"
                .to_owned()
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_one_warning_for_a_handover() {
    let world = World::new();
    let task = |name, every| {
        let task = LeaderTask::scheduled(name, LEDGER, |_: Term, _: Tick| async {});
        task.every(Duration::from_secs(every)).catch_up(crate::CatchUp::None)
    };
    for round in 0..2 {
        let candidate = world.candidate("a").await;
        drop((candidate.add(task("often", 10)), candidate.add(task("seldom", 60))));
        let running = Running::start(&candidate);
        seconds(121).await;
        running.end().await.unwrap();
        assert_eq!(world.warnings().len(), round, "{:?}", world.warnings());
        seconds(180).await;
    }
    assert_eq!(
        world.warnings(),
        ["Warning TicksMissed SkipTicks: when a became leader, ticks had been missed: 21 (often 18, seldom 3)"]
    );
}

/// In real time: a body that blocks keeps virtual time from passing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_yield_is_a_warning() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = Arc::new(Mutex::new(ended));
    let story = world.story.clone();
    let task = LeaderTask::new("sync", LEDGER, move |_: Term| {
        let (ended, story) = (Arc::clone(&ended), story.clone());
        async move {
            story.add("began");
            let _ = ended.lock().unwrap().recv();
        }
    });
    drop(candidate.add(task.grace(Duration::ZERO).on_overrun(crate::OnOverrun::Report)));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let ending = tokio::spawn(running.end());
    until(|| !world.warnings().is_empty()).await;
    let want = "Warning TaskOverrun StopTask: task sync of a still runs although its time is up: the lease is not released before \
                it ends";
    assert_eq!(world.warnings(), [want]);
    drop(end);
    ending.await.unwrap().unwrap();
}
