use super::*;

#[tokio::test(start_paused = true)]
async fn a_pod_is_labelled_for_a_term_and_not_for_its_grace() {
    let world = World::with_pods(&["a", "b"]);
    let mut a = world.replica_in_pod("a", label());
    let led = a.term().await;
    until("the label", || world.is_labelled("a")).await;
    let mut b = world.replica_in_pod("b", label());
    secs(20).await;
    assert!(!world.is_labelled("b"));
    a.election.withdraw(StopReason::SteppedDown);
    // The body has a grace, and the label is gone before the release.
    until("the end of the label", || !world.is_labelled("a")).await;
    assert_eq!(world.holder().as_deref(), Some("a"));
    drop(led);
    let led = b.term().await;
    until("the label", || world.is_labelled("b")).await;
    assert!(led.goes_on() && !world.is_labelled("a"));
    let pod = world.api.object("pods", NAMESPACE, "b").unwrap();
    assert_eq!(pod["metadata"]["labels"], json!({ "app": "x", (LABEL): "true" }));
}

#[tokio::test(start_paused = true)]
async fn a_label_that_an_earlier_container_left_is_removed_before_the_first_term() {
    let world = World::with_pods(&["a", "b"]);
    world.api.edit_object("pods", NAMESPACE, "b", |pod| pod["metadata"]["labels"][LABEL] = "true".into());
    let mut a = world.replica_in_pod("a", label());
    let _led = a.term().await;
    let _b = world.replica_in_pod("b", label());
    until("the end of the label", || !world.is_labelled("b")).await;
    secs(600).await;
    // Once: a follower has nothing else to say about its pod.
    assert_eq!(world.asked("b", "pods"), ["patch 200"]);
    assert!(world.is_labelled("a"));
}

/// The pod of this process was deleted, and another one has its name.
#[tokio::test(start_paused = true)]
async fn a_new_pod_of_the_same_name_is_never_written_to() {
    let world = World::with_pods(&["a"]);
    let mut a = world.replica_in_pod("a", label());
    let led = a.term().await;
    until("the label", || world.is_labelled("a")).await;
    let new = json!({ "metadata": { "uid": "another", "labels": { (LABEL): "true" } } });
    world.api.put_object("pods", NAMESPACE, "a", &new);
    let status = a.status_until(|status| status.traffic_problem.is_some()).await;
    assert!(status.traffic_problem.unwrap().contains("is another one than that of this process"));
    a.election.withdraw(StopReason::SteppedDown);
    drop(led);
    a.election.left().await;
    secs(600).await;
    assert!(world.is_labelled("a"), "the label of the new pod is not that of this process");
    assert!(
        world.asked("a", "pods").iter().skip(2).all(|asked| asked == "patch 422"),
        "{:?}",
        world.asked("a", "pods")
    );
}

/// The answer to the request that sets the label is lost, and the request arrives after the removal.
#[tokio::test(start_paused = true)]
async fn a_label_that_is_set_late_is_removed_once_more() {
    let world = World::with_pods(&["a"]);
    let sets = |call: &RecordedRequest| call.body["metadata"]["labels"][LABEL] == "true";
    world.api.inject(RequestMatcher::matching(sets).times(1), Fault::lost_answer().late(Duration::from_secs(8)));
    let mut a = world.replica_in_pod("a", label());
    let led = a.term().await;
    millis(100).await;
    a.election.withdraw(StopReason::SteppedDown);
    drop(led);
    until("the late label", || world.is_labelled("a")).await;
    until("the end of the label", || !world.is_labelled("a")).await;
    let before = world.asked("a", "pods").len();
    secs(600).await;
    assert_eq!(world.asked("a", "pods").len(), before);
    assert!(!world.is_labelled("a"));
}

/// One election of a lease ends while its label cannot be removed, and the next one leads.
#[tokio::test(start_paused = true)]
async fn two_elections_of_one_lease_do_not_undo_each_others_label() {
    let world = World::with_pods(&["a"]);
    let mut a = world.replica_in_pod("a", label());
    let led = a.term().await;
    until("the label", || world.is_labelled("a")).await;
    let refused = world.api.inject(about("pods"), Fault::status(503));
    a.election.withdraw(StopReason::SteppedDown);
    drop(led);
    a.election.left().await;
    // The first one is gone before the second one comes.
    a.election = a.elector.contend(LeaseId::new(NAMESPACE, "other"), Timing::default());
    secs(1).await;
    a.election = world.enter(&a.elector, "a", label());
    // Two keepers would try at different times.
    world.api.inject(about("leases"), Fault::none().delayed(Duration::from_millis(1250)));
    let _led = a.term().await;
    // Now the first removal since the end of the term before would succeed.
    refused.remove();
    for _ in 0..10_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(world.is_labelled("a"), "somebody removes the label of a leader");
    }
    for _ in 0..600 {
        secs(1).await;
        assert!(world.is_labelled("a"));
    }
}

/// The removal of a label that may still be set late is repeated. The next election of the lease may lead by then.
#[tokio::test(start_paused = true)]
async fn a_removal_that_is_repeated_does_not_take_the_label_of_the_next_election() {
    let world = World::with_pods(&["a"]);
    let sets = |call: &RecordedRequest| call.body["metadata"]["labels"][LABEL] == "true";
    world.api.inject(RequestMatcher::matching(sets).times(1), Fault::lost_answer());
    let mut a = world.replica_in_pod("a", label());
    let led = a.term().await;
    millis(100).await;
    a.election.withdraw(StopReason::SteppedDown);
    drop(led);
    until("the end of the label", || !world.is_labelled("a")).await;
    a.election.left().await;
    // The first one is gone before the second one comes.
    a.election = a.elector.contend(LeaseId::new(NAMESPACE, "other"), Timing::default());
    secs(10).await;
    // A second keeper of the label would have to try its removal again, after the label is set.
    world.api.inject(about("pods").times(2), Fault::status(503));
    a.election = world.enter(&a.elector, "a", label());
    let _led = a.term().await;
    until("the label", || world.is_labelled("a")).await;
    for _ in 0..600 {
        secs(1).await;
        assert!(world.is_labelled("a"), "somebody removes the label of a leader");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_who_removes_the_label_of_a_leader_sees_it_again() {
    let world = World::with_pods(&["a"]);
    let mut a = world.replica_in_pod("a", label());
    let _led = a.term().await;
    until("the label", || world.is_labelled("a")).await;
    world.api.edit_object("pods", NAMESPACE, "a", |pod| pod["metadata"]["labels"] = json!({}));
    until("the label", || world.is_labelled("a")).await;
}
