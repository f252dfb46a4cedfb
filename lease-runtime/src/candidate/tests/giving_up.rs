//! What happens to a task that is given up, and to the captures of its body.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

/// Captured by a body. When it is dropped, it notes whether user code may use the candidate there.
struct Captured {
    candidate: Candidate,
    story: Story,
}

impl Drop for Captured {
    fn drop(&mut self) {
        // Not `status()`, which would hang in the case that this reports.
        let free = self.candidate.inner.state.try_lock().is_ok();
        self.story.add(if free { "dropped" } else { "dropped under a lock" });
    }
}

fn capturing(world: &World, candidate: &Candidate, name: &'static str) -> LeaderTask<()> {
    let captured = Captured { candidate: candidate.clone(), story: world.story.clone() };
    LeaderTask::new(name, LEDGER, move |_| {
        let _ = &captured;
        pending()
    })
}

#[tokio::test(start_paused = true)]
async fn the_captures_of_a_task_given_up_by_a_follower_are_dropped() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    a.add(world.obedient("leader", LEDGER));
    let in_a = Running::start(&a);
    world.story.grown_to(1).await;
    let in_b = Running::start(&b);
    seconds(1).await;
    let (handle, placed) = b.place(capturing(&world, &b, "one"));
    seconds(5).await;
    let Placed { entry, lease_tasks } = placed.unwrap();
    lease_tasks.give_up(&entry);
    drop((entry, lease_tasks, handle));
    seconds(60).await;
    assert_eq!(world.story.lines()[1..], ["dropped"]);
    in_b.end().await.unwrap();
    in_a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_captures_of_a_task_are_not_dropped_under_a_lock() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let (handle, placed) = candidate.place(capturing(&world, &candidate, "one"));
    let Placed { entry, lease_tasks } = placed.unwrap();
    lease_tasks.give_up(&entry);
    drop((entry, lease_tasks, handle));
    // Adding the next task removes the one that was given up.
    candidate.add(world.obedient("two", LEDGER));
    assert_eq!(world.story.lines(), ["dropped"]);
}

/// The runtime that built the candidate of the process is gone, and a task is added from outside of any runtime.
#[test]
fn a_runtime_that_is_gone_does_not_drop_tasks_under_a_lock() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (elections, bodies) = (runtime(), runtime());
    let (world, candidate) = elections.block_on(async {
        let world = World::new();
        let candidate = world.candidate("a").await;
        (world, candidate)
    });
    candidate.inner.run_for_good(bodies.handle());
    drop(bodies);
    let handle = candidate.add(capturing(&world, &candidate, "one"));
    assert_eq!(world.story.lines(), ["dropped"]);
    assert!(handle.is_finished());
}

/// The body is still inside a poll when the task is added again, under the same name and in the same term.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_is_given_up_and_added_again_does_not_run_beside_itself() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("other", LEDGER));
    let (inside, twice, runs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), Arc::default());
    let task = || {
        let (inside, twice, runs) = (inside.clone(), twice.clone(), Arc::<AtomicUsize>::clone(&runs));
        LeaderTask::new("one", LEDGER, move |_| {
            let (inside, twice, runs) = (inside.clone(), twice.clone(), runs.clone());
            async move {
                runs.fetch_add(1, Ordering::SeqCst);
                if inside.fetch_add(1, Ordering::SeqCst) > 0 {
                    twice.store(true, Ordering::SeqCst);
                }
                std::thread::sleep(Duration::from_millis(500));
                inside.fetch_sub(1, Ordering::SeqCst);
            }
        })
    };
    let running = Running::start(&candidate);
    let (_handle, placed) = candidate.place(task());
    until(|| runs.load(Ordering::SeqCst) == 1).await;
    let Placed { entry, lease_tasks } = placed.unwrap();
    lease_tasks.give_up(&entry);
    within(30, candidate.add(task())).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    assert!(!twice.load(Ordering::SeqCst), "two bodies of one task at once");
    running.end().await.unwrap();
}

/// A warm-up is dropped with the runtime from which its task was added, and so is its task.
#[test]
fn a_warm_up_whose_runtime_is_gone_does_not_keep_the_lease_from_the_others() {
    let here = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let other = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    here.block_on(async {
        let world = World::new();
        let candidate = world.candidate("a").await;
        let running = Running::start(&candidate);
        sleep(Duration::from_millis(50)).await;
        candidate.add(world.obedient("one", LEDGER).warm_up(sleep(Duration::from_millis(200))));
        let cold = {
            let _entered = other.enter();
            candidate.add(world.obedient("cold", LEDGER).warm_up(pending()))
        };
        sleep(Duration::from_millis(50)).await;
        other.shutdown_background();
        assert!(matches!(within(10, cold).await, Err(Error::CandidateGone { .. })));
        assert_eq!(world.story.grown_to(1).await, ["one began"]);
        running.end().await.unwrap();
    });
}
