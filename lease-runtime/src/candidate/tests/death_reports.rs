//! Candidates that read what the kubelet reports about holders. In virtual time, and with pods that never were.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::elector::MarkPlace;
use crate::elector::tests::log::Lines;
use crate::embedded::{Fault, RequestMatcher};
use crate::spec::{Overrides, OwnPod};
use lease_protocol::election::Taken;

const UID: &str = "6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c11";
const HOLDER: &str = "orders-0_6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c11_5f0c4d1e9a7b3c21";
/// Its holder renews every 20 s, and is late after 24 s.
const MINUTE: LeaseSpec = LEDGER.lease_duration(Duration::from_secs(60));

/// The termination message of a container whose process 1 is the candidate.
struct Container(PathBuf);

impl Container {
    fn new() -> Container {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lease-runtime-reports-{}-{number}", std::process::id()));
        fs::write(&path, "").unwrap();
        Container(path)
    }

    fn place(&self) -> MarkPlace {
        MarkPlace { log: self.0.clone(), processes: "/nowhere".into(), is_first: true }
    }

    fn message(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl World {
    /// A replica in a pod, which is process 1 of its container.
    fn in_container(&self, name: &str, container: &Container) -> CandidateBuilder {
        let client = self.api.client_as(name, "default");
        let pod = OwnPod::new("default", name, format!("uid-{name}"));
        Candidate::builder().client(client).clock(self.clock.clone()).pod(pod).mark_place(container.place())
    }

    async fn reading(&self, name: &str, container: &Container) -> Candidate {
        self.in_container(name, container).death_reports(true).build().await.unwrap()
    }

    /// The holder of these leases, which is silent.
    fn leases_of_holder(&self, leases: &[&str]) {
        for lease in leases {
            let spec = json!({ "holderIdentity": HOLDER, "leaseDurationSeconds": 60, "leaseTransitions": 3 });
            self.api.put_lease("default", lease, &json!({ "metadata": { "name": lease }, "spec": spec }));
        }
    }

    fn pod_of_holder(&self, state: Value) {
        let status = json!({ "containerStatuses": [{ "name": "orders", "state": state }] });
        let pod = json!({ "metadata": { "uid": UID }, "spec": {}, "status": status });
        self.api.put_object("pods", "default", "orders-0", &pod);
    }

    fn looks_at_pods(&self) -> usize {
        let entries = self.api.requests().entries();
        let looks = entries.iter().filter(|entry| entry.call.resource == "pods");
        looks
            .inspect(|entry| assert_eq!((entry.call.verb.to_string(), &*entry.call.caller), ("get".to_owned(), "b")))
            .count()
    }
}

fn terminated() -> Value {
    let message = format!("lease-runtime.dev/identity={HOLDER}\n");
    json!({ "terminated": { "containerID": "containerd://4f5c", "reason": "Error", "exitCode": 137, "message": message } })
}

fn taken(candidate: &Candidate, lease: &str) -> Option<Taken> {
    candidate.status(lease).unwrap().borrow().taken
}

#[tokio::test(start_paused = true)]
async fn the_leases_of_a_container_that_has_terminated_are_taken_when_its_renewal_is_late() {
    let (world, container, lines) = (World::new(), Container::new(), Lines::default());
    let _captured = lines.capture();
    world.leases_of_holder(&["ledger", "shard"]);
    world.pod_of_holder(terminated());
    let candidate = world.reading("b", &container).await;
    candidate.add(world.obedient("one", MINUTE));
    candidate.add(world.obedient("two", MINUTE).lease("shard"));
    let running = Running::start(&candidate);
    seconds(23).await;
    assert_eq!((world.looks_at_pods(), world.story.lines().len()), (0, 0), "the holder may renew yet");
    seconds(3).await;
    assert_eq!(world.story.lines().len(), 2);
    for lease in ["ledger", "shard"] {
        assert_eq!(taken(&candidate, lease), Some(Taken::ProvenDead));
        assert_eq!(world.holder(lease).as_deref(), Some("b"));
        let lease = format!("lease={lease}");
        let proven = format!("{HOLDER} is proven dead: the kubelet reports that its container has terminated");
        assert_eq!(lines.matching(&["INFO", &proven, &lease]), 1, "{:?}", lines.all());
        assert_eq!(lines.matching(&["acquired lease, started leading", "taken=proven_dead", &lease]), 1);
    }
    assert_eq!(lines.count("WARN"), 0, "{:?}", lines.all());
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_container_that_terminates_later_is_found_within_two_seconds() {
    let (world, container) = (World::new(), Container::new());
    world.leases_of_holder(&["ledger"]);
    world.pod_of_holder(json!({ "running": {} }));
    let candidate = world.reading("b", &container).await;
    candidate.add(world.obedient("one", MINUTE));
    let running = Running::start(&candidate);
    seconds(40).await;
    assert_eq!(world.story.lines(), [""; 0]);
    world.pod_of_holder(terminated());
    seconds(2).await;
    assert_eq!((world.story.lines().len(), taken(&candidate, "ledger")), (1, Some(Taken::ProvenDead)));
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_proof_the_lease_is_waited_for() {
    let (world, container, lines) = (World::new(), Container::new(), Lines::default());
    let _captured = lines.capture();
    world.leases_of_holder(&["ledger", "shard"]);
    let mut unknown = terminated();
    unknown["terminated"]["reason"] = json!("ContainerStatusUnknown");
    world.pod_of_holder(unknown);
    let candidate = world.reading("b", &container).await;
    candidate.add(world.obedient("one", MINUTE));
    candidate.add(world.obedient("two", MINUTE).lease("shard"));
    let running = Running::start(&candidate);
    seconds(59).await;
    assert_eq!(world.story.lines(), [""; 0]);
    assert!(
        (30..=36).contains(&world.looks_at_pods()),
        "once a second, however many leases: {}",
        world.looks_at_pods()
    );
    seconds(3).await;
    assert_eq!((world.story.lines().len(), taken(&candidate, "ledger")), (2, Some(Taken::RanOut)));
    let looks = world.looks_at_pods();
    seconds(60).await;
    assert_eq!(world.looks_at_pods(), looks, "a leader asks after nobody");
    assert_eq!(lines.count("WARN"), 0, "{:?}", lines.all());
    running.end().await.unwrap();
}

/// Nothing that the API server answers about pods stops or delays an election. Each kind of problem is logged once.
#[tokio::test(start_paused = true)]
async fn an_election_does_not_depend_on_pods() {
    let forbidden = "pods \"orders-0\" is forbidden: User \"system:serviceaccount:default:orders\" cannot get resource \"pods\" in \
                     API group \"\" in the namespace \"default\"";
    for (fault, said) in [
        (Some(Fault::status(403).message(forbidden)), "resources: [\"pods\"]"),
        (None, "there is no pod `orders-0` in namespace `default`"),
        (Some(Fault::body(200, "application/json", "{\"kind\":[")), "its answer is no pod"),
        (Some(Fault::status(500)), "the API server refuses the request (500"),
        (Some(Fault::hang()), "no answer for 5s"),
    ] {
        let (world, container, lines) = (World::new(), Container::new(), Lines::default());
        let _captured = lines.capture();
        world.leases_of_holder(&["ledger"]);
        fault.into_iter().for_each(|fault| drop(world.api.inject(RequestMatcher::any().resource("pods"), fault)));
        let candidate = world.reading("b", &container).await;
        candidate.add(world.obedient("one", MINUTE));
        let running = Running::start(&candidate);
        seconds(59).await;
        assert_eq!(world.story.lines(), [""; 0], "{said}");
        seconds(3).await;
        assert_eq!((world.story.lines().len(), taken(&candidate, "ledger")), (1, Some(Taken::RanOut)), "{said}");
        assert!(world.looks_at_pods() > 5, "it goes on asking: {said}");
        let words = ["WARN", "the pod of a silent holder cannot be read, so its lease is waited for", said];
        assert_eq!((lines.matching(&words), lines.count("WARN")), (1, 1), "{said}: {:?}", lines.all());
        running.end().await.unwrap();
    }
}

/// Otherwise a process that dies right after its first request leaves a holder whose death nobody can prove.
#[tokio::test(start_paused = true)]
async fn the_mark_is_left_before_the_first_request() {
    let (world, container) = (World::new(), Container::new());
    let path = container.0.clone();
    let early: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = early.clone();
    world.api.inject_with(move |request| {
        let message = fs::read_to_string(&path).unwrap();
        if !message.starts_with("lease-runtime.dev/identity=b_uid-b_") {
            note.lock().unwrap().push(format!("{request:?}: {message}"));
        }
        None
    });
    let candidate = world.reading("b", &container).await;
    assert_eq!(container.message(), format!("lease-runtime.dev/identity={}\n", candidate.inner.identity));
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    running.end().await.unwrap();
    assert!(world.api.requests().total() > 2);
    assert_eq!(*early.lock().unwrap(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_can_leave_no_mark_says_so_once_and_elections_go_on() {
    let (world, container, lines) = (World::new(), Container::new(), Lines::default());
    let _captured = lines.capture();
    let place = MarkPlace { is_first: false, ..container.place() };
    let candidate = world.in_container("b", &container).mark_place(place).death_reports(true).build().await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    running.end().await.unwrap();
    assert_eq!(container.message(), "");
    let words = ["WARN", "cannot leave its mark", "process 1 is not known to be of this container"];
    assert_eq!((lines.matching(&words), lines.count("WARN")), (1, 1), "{:?}", lines.all());
}

#[tokio::test(start_paused = true)]
async fn it_is_off_by_default_and_the_deployment_decides() {
    let off = Overrides::default().death_reports(false);
    for (program, overrides, reads) in [
        (false, Overrides::default(), false),
        (true, off, false),
        (false, Overrides::default().death_reports(true), true),
        (true, Overrides::default().election(false), false),
    ] {
        let (world, container) = (World::new(), Container::new());
        world.leases_of_holder(&["ledger"]);
        world.pod_of_holder(terminated());
        let elects = overrides.elects();
        let builder = world.in_container("b", &container).death_reports(program).overrides(overrides);
        let candidate = builder.build().await.unwrap();
        candidate.add(world.obedient("one", MINUTE));
        let manifests = candidate.manifests("app").build().unwrap();
        assert_eq!(manifests.to_yaml().contains("resources: [\"pods\"]"), reads);
        let running = Running::start(&candidate);
        seconds(30).await;
        assert_eq!(world.story.lines().len(), usize::from(reads || !elects));
        assert_eq!((world.looks_at_pods() > 0, container.message().is_empty()), (reads, !reads));
        running.end().await.unwrap();
    }
}
