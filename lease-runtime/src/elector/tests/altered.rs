//! Mutating webhooks and policies that change the writes of elections.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_policy_that_shortens_leases_is_named_and_not_stormed() {
    let world = World::new();
    world.api.mutate(|_, lease| lease["spec"]["leaseDurationSeconds"] = 5.into());
    let mut a = world.replica("a");
    let status = a.status_until(|status| status.problem.is_some()).await;
    let problem = status.problem.unwrap().to_string();
    assert!(problem.contains("leaseDurationSeconds is 5 instead of 15") && problem.contains("webhook"), "{problem}");
    let before = world.count("a", |entry| entry.call.verb.is_write());
    secs(600).await;
    let writes = world.count("a", |entry| entry.call.verb.is_write()) - before;
    assert!(writes <= 25, "{writes} writes in ten minutes");
    // All reads succeed, and that does not clear the problem.
    assert!(matches!(a.status().problem.as_deref(), Some(ElectorError::Altered { .. })));
    assert!(!a.status().fatal);
    world.api.clear_faults();
    let _led = a.term().await;
    a.status_until(|status| status.problem.is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_lengthens_leases_or_makes_their_times_coarser_does_no_harm() {
    let lines = log::Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    world.api.mutate(|_, lease| {
        let spec = &mut lease["spec"];
        if spec["leaseDurationSeconds"] == 15 {
            spec["leaseDurationSeconds"] = 40.into();
        }
        for time in ["acquireTime", "renewTime"] {
            let whole = spec[time].as_str().map(|text| format!("{}.000000Z", &text[..19]));
            spec[time] = whole.into();
        }
    });
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(600).await;
    assert!(led.goes_on() && a.status().problem.is_none());
    // This is not a problem, but it explains why a failover takes longer. Logged once.
    assert_eq!(lines.count("WARN"), 1, "{lines:?}");
    assert!(format!("{lines:?}").contains("a longer lease duration"), "{lines:?}");
    assert!((11.0..=14.0).contains(&world.rate("a", 60).await));
}
