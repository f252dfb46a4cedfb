//! Elections without faults.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_held_lease_costs_one_versioned_put_per_renewal_and_nothing_else() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    assert_eq!(a.status_until(|status| status.standing != Standing::Follower).await.holder.as_deref(), Some("a"));
    let rate = world.rate("a", 30).await;
    assert!((11.5..=13.0).contains(&rate), "{rate} requests a minute");
    assert!(led.goes_on());
    let requests = world.api.requests().entries();
    let renewals: Vec<_> = requests.iter().filter(|entry| entry.call.verb == Verb::Update).skip(1).collect();
    assert!(renewals.len() > 300);
    for renewal in renewals {
        let metadata = &renewal.call.body["metadata"];
        assert!(metadata["uid"].is_string() && metadata["resourceVersion"].is_string(), "{metadata}");
        assert_eq!(renewal.code(), Some(200));
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_candidate_costs_next_to_nothing() {
    let world = World::new();
    let mut a = world.replica("a");
    let _led = a.term().await;
    let b = world.replica("b");
    secs(10).await;
    let rate = world.rate("b", 60).await;
    assert!(rate <= 0.3, "{rate} requests a minute");
    let status = b.status();
    assert_eq!((status.standing, status.holder.as_deref()), (Standing::Follower, Some("a")));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_over_at_once() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    // Also after hours, because the watch stays open.
    for hours in [0, 7] {
        secs(hours * 3600 + 20).await;
        assert!(led.goes_on());
    }
    a.election.withdraw(StopReason::Shutdown);
    led.term.cancelled().await;
    assert_eq!(world.holder().as_deref(), Some("a"), "released before the body was gone");
    let before = led.term.fencing_token();
    drop(led);
    a.election.left().await;
    let (led, took) = b.term_after().await;
    assert!(took <= Duration::from_millis(10), "took {took:?}");
    assert!(led.term.fencing_token() > before);
    assert_eq!((a.status().standing, a.status().last_stop), (Standing::Out, Some(StopReason::Shutdown)));

    // And back: the first one takes part again.
    a.election.contend();
    secs(5).await;
    b.election.withdraw(StopReason::Finished);
    drop(led);
    let (led, took) = a.term_after().await;
    assert!(took <= Duration::from_millis(10), "took {took:?}");
    assert!(led.goes_on());
}

#[tokio::test(start_paused = true)]
async fn what_others_keep_in_the_lease_is_sent_back() {
    let world = World::new();
    let lease = serde_json::json!({
        "metadata": { "labels": { "team": "ledger" }, "annotations": { "note": "mine" } },
        "spec": { "holderIdentity": "" },
    });
    world.api.put_lease(NAMESPACE, LEASE, &lease);
    let mut a = world.replica("a");
    let led = a.term().await;
    // Another program annotates it ten times a second, for a minute.
    for n in 0..600 {
        world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["metadata"]["annotations"]["n"] = n.to_string().into());
        millis(100).await;
    }
    secs(6).await;
    assert!(led.goes_on());
    let metadata = world.api.lease(NAMESPACE, LEASE).unwrap().metadata;
    assert_eq!(metadata.labels.unwrap()["team"], "ledger");
    let annotations = metadata.annotations.unwrap();
    assert_eq!((&*annotations["note"], &*annotations["n"]), ("mine", "599"));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_gives_the_lease_up() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(1).await;
    let elector = a.elector;
    drop(a.election);
    led.term.cancelled().await;
    assert_eq!(led.term.stop_reason(), Some(StopReason::Shutdown));
    drop(led);
    let led = b.term().await;
    assert!(elector.health().is_alive());
    assert!(led.goes_on());
}

#[tokio::test(start_paused = true)]
async fn one_elector_runs_many_elections() {
    let world = World::new();
    let client = world.api.client_as("a", NAMESPACE);
    let elector = Elector::start(Connection::Client(client), "a".into(), Arc::clone(&world.clock), Vec::new()).unwrap();
    let mut elections: Vec<ElectionHandle> =
        (0..200).map(|n| elector.contend(LeaseId::new(NAMESPACE, format!("shard-{n}")), Timing::default())).collect();
    let mut terms = Vec::new();
    for election in &mut elections {
        terms.push(election.terms.recv().await.unwrap());
    }
    secs(120).await;
    assert!(terms.iter().all(|(term, _)| term.stop_reason().is_none()));
    elections.iter().for_each(|election| election.withdraw(StopReason::Shutdown));
    drop(terms);
    for election in &elections {
        election.left().await;
    }
    let free = |n: &usize| {
        let lease = world.api.lease(NAMESPACE, &format!("shard-{n}")).unwrap();
        lease.spec.unwrap().holder_identity.as_deref() == Some("")
    };
    assert_eq!((0..200).filter(free).count(), 200);
    // All have left and the handle is gone, so the loop ends.
    drop(elections);
    let heartbeat = Arc::clone(&elector.heartbeat);
    drop(elector);
    until("the end of the loop", || !heartbeat.health().running).await;
}

/// Over TCP, on a thread of its own, in real time.
#[tokio::test]
async fn elections_run_on_a_thread_of_their_own() {
    let api = EmbeddedApi::new();
    let server = api.serve(([127, 0, 0, 1], 0)).await.unwrap();
    let mut config = kube::Config::new(format!("http://{}", server.addr()).parse().unwrap());
    config.default_namespace = NAMESPACE.into();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
    let elector = Elector::start(Connection::from_config(config), "a".into(), clock, Vec::new()).unwrap();
    let mut election = elector.contend(LeaseId::new(NAMESPACE, LEASE), Timing::default());
    let (term, alive) = election.terms.recv().await.unwrap();
    assert!(term.check().is_ok() && elector.health().is_alive());
    election.withdraw(StopReason::Shutdown);
    drop(alive);
    election.left().await;
    assert_eq!(api.lease(NAMESPACE, LEASE).unwrap().spec.unwrap().holder_identity.as_deref(), Some(""));
    drop(election);
    let heartbeat = Arc::clone(&elector.heartbeat);
    drop(elector);
    for _ in 0..1_000 {
        if !heartbeat.health().running {
            return;
        }
        millis(10).await;
    }
    panic!("the thread goes on");
}
