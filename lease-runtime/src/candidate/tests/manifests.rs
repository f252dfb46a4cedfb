//! The manifests of a candidate follow its tasks.

use super::*;
use crate::manifests::ManifestsError;
use crate::task::TaskGroup;

fn task(name: &'static str, grace: u64) -> LeaderTask<()> {
    LeaderTask::new(name, LEDGER, |_| async {}).grace(Duration::from_secs(grace))
}

async fn seconds_to_shut_down(add: impl FnOnce(&Candidate)) -> u64 {
    let world = World::new();
    let candidate = world.candidate("a").await;
    add(&candidate);
    let patch = candidate.manifests("app").build().unwrap().deployment_patch().to_owned();
    assert_eq!(world.api.requests().total(), 0);
    let (_, rest) = patch.split_once("terminationGracePeriodSeconds: ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_time_to_shut_down_is_that_of_the_slowest_lease() {
    // The release timeout is 5 s, and one second is left for the process to end.
    assert_eq!(seconds_to_shut_down(|candidate| drop(candidate.add(task("one", 7)))).await, 13);
    let two = |candidate: &Candidate| {
        candidate.add(task("one", 7));
        candidate.add(task("two", 20).lease("other"));
    };
    assert_eq!(seconds_to_shut_down(two).await, 26);
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_stack_end_one_after_the_other() {
    let side_by_side = TaskGroup::concurrent("side").with(task("c", 3)).with(task("d", 4));
    let stack = TaskGroup::stack("stack").with(task("a", 10)).with(task("b", 20)).with(side_by_side);
    assert_eq!(seconds_to_shut_down(|candidate| drop(candidate.add(stack))).await, 10 + 20 + 4 + 6);
    let sequence = TaskGroup::sequence("sequence").with(task("a", 10)).with(task("b", 20));
    assert_eq!(seconds_to_shut_down(|candidate| drop(candidate.add(sequence))).await, 20 + 6);
}

#[tokio::test(start_paused = true)]
async fn manifests_that_would_lack_a_lease_are_refused() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    assert!(matches!(candidate.manifests("app").build(), Err(ManifestsError::NoTasks)));
    candidate.add(task("one", 1));
    candidate.add(task("one", 1).lease("Not a name"));
    let error = candidate.manifests("app").build().unwrap_err();
    assert!(matches!(error, ManifestsError::TaskRefused { .. }), "{error}");
    assert!(error.to_string().contains("Not a name"), "{error}");
}

/// The embedded API checks no access rules. Scenarios apply these manifests to a real API server.
#[tokio::test(start_paused = true)]
async fn leases_with_and_without_a_namespace_of_their_own_are_covered() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(task("one", 1));
    candidate.add(task("two", 1).namespace("books"));
    let manifests = candidate.manifests("app").build().unwrap();
    for place in ["namespace: default\n  name: app-leader\n", "namespace: books\n  name: default-app-leader\n"] {
        assert_eq!(manifests.to_yaml().matches(place).count(), 2, "{place}\n{manifests}");
    }
}
