use super::*;

#[tokio::test(start_paused = true)]
async fn a_slice_leads_to_the_leader_and_to_nobody_while_a_term_ends() {
    let world = World::with_pods(&["a", "b"]);
    let mut a = world.replica_in_pod("a", orders());
    let led = a.term().await;
    let first = led.term.fencing_token().get();
    until("the slice", || world.led_to() == (Some("a".to_owned()), first)).await;
    let slice = world.slice().unwrap();
    let labels = json!({
        "kubernetes.io/service-name": "orders", "endpointslice.kubernetes.io/managed-by": "lease-runtime.dev",
    });
    assert_eq!(slice["metadata"]["labels"], labels);
    assert_eq!((&slice["addressType"], &slice["ports"][0]["port"]), (&json!("IPv4"), &json!(8080)));
    assert_eq!(slice["endpoints"][0]["addresses"], json!(["10.0.0.97"]));
    let mut b = world.replica_in_pod("b", orders());
    a.election.withdraw(StopReason::SteppedDown);
    until("an empty slice", || world.led_to() == (None, first)).await;
    assert_eq!(world.holder().as_deref(), Some("a"));
    drop(led);
    let led = b.term().await;
    let second = led.term.fencing_token().get();
    until("the slice", || world.led_to() == (Some("b".to_owned()), second)).await;
    assert!(second > first);
    assert_eq!(world.asked("b", "endpointslices"), ["get 200", "update 200"]);
}

/// The holder is silent and does not even know that another one has the lease.
#[tokio::test(start_paused = true)]
async fn a_crashed_leader_stays_in_the_slice_until_the_next_one_writes() {
    let world = World::with_pods(&["a", "b"]);
    let mut a = world.replica_in_pod("a", orders());
    let _led = a.term().await;
    until("the slice", || world.led_to().0.as_deref() == Some("a")).await;
    let mut b = world.replica_in_pod("b", orders());
    secs(5).await;
    world.api.inject(from("a"), Fault::hang());
    secs(8).await;
    assert_eq!(world.led_to().0.as_deref(), Some("a"));
    let led = b.term().await;
    until("the slice", || world.led_to().0.as_deref() == Some("b")).await;
    let token = led.term.fencing_token().get();
    world.api.clear_faults();
    secs(600).await;
    assert_eq!(world.led_to(), (Some("b".to_owned()), token));
}

/// The write of the old leader is on its way while the new one writes: it names a state that is gone, and its next attempt finds a
/// higher token.
#[tokio::test(start_paused = true)]
async fn a_lower_token_never_replaces_a_higher_one_after_a_conflict() {
    let world = World::with_pods(&["a"]);
    let mut a = world.replica_in_pod("a", orders());
    let higher = |slice: &mut Value| {
        slice["metadata"]["annotations"][TOKEN] = "999999".into();
        slice["endpoints"][0]["targetRef"]["name"] = "z".into();
    };
    let api = world.api.clone();
    // Between the read of the slice and its write, a later leader writes.
    world.api.inject_with(move |call| {
        if call.resource == "endpointslices" && call.verb == Verb::Create {
            api.put_object("endpointslices", NAMESPACE, SLICE, &call.body);
            api.edit_object("endpointslices", NAMESPACE, SLICE, higher);
        }
        None
    });
    let led = a.term().await;
    let status = a.status_until(|status| status.traffic_problem.is_some()).await;
    assert!(status.traffic_problem.unwrap().contains("that of a later leader, with the fencing token 999999"));
    assert_eq!(world.led_to(), (Some("z".to_owned()), 999_999));
    assert_eq!(&world.asked("a", "endpointslices")[..3], ["get 404", "create 409", "get 200"]);
    secs(600).await;
    a.election.withdraw(StopReason::SteppedDown);
    drop(led);
    a.election.left().await;
    secs(60).await;
    assert_eq!(world.led_to(), (Some("z".to_owned()), 999_999));
    assert!(world.asked("a", "endpointslices").iter().all(|asked| !asked.starts_with("update")));
}

/// The same when the slice exists and the higher token comes between the read and the PUT.
#[tokio::test(start_paused = true)]
async fn a_lower_token_never_replaces_a_higher_one_that_comes_in_between() {
    let world = World::with_pods(&["a"]);
    let slice = json!({ "addressType": "IPv4", "endpoints": [], "metadata": { "annotations": { (TOKEN): "1" } } });
    world.api.put_object("endpointslices", NAMESPACE, SLICE, &slice);
    let api = world.api.clone();
    world.api.inject_with(move |call| {
        if call.resource == "endpointslices" && call.verb == Verb::Update {
            let higher = |slice: &mut Value| slice["metadata"]["annotations"][TOKEN] = "999999".into();
            api.edit_object("endpointslices", NAMESPACE, SLICE, higher);
        }
        None
    });
    let mut a = world.replica_in_pod("a", orders());
    let _led = a.term().await;
    a.status_until(|status| status.traffic_problem.is_some()).await;
    assert_eq!(world.led_to(), (None, 999_999));
    assert_eq!(world.asked("a", "endpointslices")[..3], ["get 200", "update 409", "get 200"]);
}

/// A write of the term is on its way when the term ends. It must not bring the address back after the slice was emptied.
#[tokio::test(start_paused = true)]
async fn a_write_that_arrives_late_finds_another_state() {
    for is_there in [false, true] {
        let world = World::with_pods(&["a"]);
        if is_there {
            let slice = json!({ "addressType": "IPv4", "metadata": { "annotations": { (TOKEN): "1" } } });
            world.api.put_object("endpointslices", NAMESPACE, SLICE, &slice);
        }
        let writes = about("endpointslices").and(|call| call.verb.is_write()).times(1);
        let late = world.api.inject(writes, Fault::lost_answer().late(Duration::from_secs(30)));
        let mut a = world.replica_in_pod("a", orders());
        let led = a.term().await;
        let token = led.term.fencing_token().get();
        late.hit(1).await;
        a.election.withdraw(StopReason::SteppedDown);
        drop(led);
        until("an empty slice", || world.led_to() == (None, token)).await;
        for _ in 0..60 {
            secs(1).await;
            assert_eq!(world.led_to(), (None, token), "is_there = {is_there}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_slice_follows_the_service_and_comes_back_after_a_deletion() {
    let world = World::with_pods(&["a"]);
    let mut a = world.replica_in_pod("a", orders());
    let _led = a.term().await;
    until("the slice", || world.led_to().0.is_some()).await;
    world.api.edit_object("services", NAMESPACE, "orders", |service| {
        service["spec"]["ports"][0]["targetPort"] = 9090.into();
    });
    until("the port", || world.slice().unwrap()["ports"][0]["port"] == 9090).await;
    world.api.delete_object("endpointslices", NAMESPACE, SLICE);
    until("the slice", || world.led_to().0.is_some()).await;
}
