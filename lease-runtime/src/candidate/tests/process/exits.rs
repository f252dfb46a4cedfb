//! Tasks that end their process.

use super::*;

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn awaits_a_task_that_exits() {
    if !is_child() {
        return;
    }
    let other = LeaderTask::new("other", SHARD, |term: Term| async move {
        println!("other began");
        term.cancelled().await;
        println!("other ended");
    });
    drop(other.spawn());
    let failing = LeaderTask::new("failing", LEDGER, |_| async {
        seconds(1).await;
        Err::<(), _>("no")
    });
    let exiting = failing.max_restarts(0, Duration::from_secs(1)).on_exhausted(crate::policy::OnExhausted::Exit);
    let ended = exiting.await;
    println!("awaited {ended:?}");
    pending::<()>().await;
}

/// Also for the candidate of the process, which has no caller of `run_until`.
#[tokio::test]
async fn a_task_that_exits_ends_the_process_after_everything_has_ended_in_order() {
    serving(|api, vars| {
        let (child, mut expect) = process("exits::awaits_a_task_that_exits", vars);
        expect("other began");
        expect("other ended");
        child.ends_with(1);
        assert_eq!(holder(&api).as_deref(), Some(""));
        let shard = api.lease("default", "shard").unwrap().spec.unwrap().holder_identity;
        assert_eq!(shard.as_deref(), Some(""));
    })
    .await;
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn loses_a_lease_while_its_runtime_is_blocked() {
    if !is_child() {
        return;
    }
    let begun = Arc::new(tokio::sync::Notify::new());
    let begin = begun.clone();
    let task = LeaderTask::new("t", LEDGER, move |term: Term| {
        begin.notify_one();
        async move { term.cancelled().await }
    });
    let task = task.lease_duration(Duration::from_secs(2)).retry_period(Duration::from_millis(200));
    drop(task.on_loss(crate::policy::OnLoss::Exit).spawn());
    begun.notified().await;
    println!("blocking");
    // Outside of the body, where no guard compares the clock.
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn a_lost_lease_ends_a_process_that_asked_for_it_even_if_it_blocks() {
    serving(|api, vars| {
        let (child, mut expect) = process("exits::loses_a_lease_while_its_runtime_is_blocked", vars);
        expect("blocking");
        let held = holder(&api).unwrap();
        assert!(held.starts_with("pod-7_"), "{held}");
        api.inject(crate::embedded::RequestMatcher::any(), crate::embedded::Fault::status(503));
        child.ends_with(1);
        assert_eq!(holder(&api), Some(held), "it could not release it");
    })
    .await;
}
