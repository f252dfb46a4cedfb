//! Processes that are killed while they lead, and those that follow them.

use std::path::PathBuf;

use super::*;

/// A directory for the processes of a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("lease-runtime-dying-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn vars<'a>(&'a self, vars: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [vars, &[("LEASE_STATE_DIR", self.0.to_str().unwrap())]].concat()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Who waits for ten minutes waits too long for a test.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn leads_until_it_is_killed() {
    if !is_child() {
        return;
    }
    let candidate = Candidate::from_env().await.unwrap();
    let status = Arc::new(std::sync::OnceLock::new());
    let seen = status.clone();
    candidate.add(LeaderTask::new("one", LEDGER.lease_duration(Duration::from_secs(600)), move |term: Term| {
        let status: &watch::Receiver<crate::elector::LeaseStatus> = seen.get().unwrap();
        let mut status = status.clone();
        async move {
            let taken = status.wait_for(|status| status.taken.is_some()).await.unwrap().taken.unwrap();
            println!("leading, {taken}");
            term.cancelled().await;
        }
    }));
    status.set(candidate.status("ledger").unwrap()).unwrap();
    tokio::spawn({
        let mut status = status.get().unwrap().clone();
        async move {
            let other = |status: &crate::elector::LeaseStatus| {
                status.standing == Standing::Follower
                    && status.holder.as_deref().is_some_and(|holder| !holder.is_empty())
            };
            let _ = status.wait_for(other).await;
            println!("waiting");
        }
    });
    candidate.run_until(shutdown_signal()).await.unwrap();
}

fn candidate(vars: &[(&str, &str)]) -> (Process, impl FnMut(&str)) {
    process("dying::leads_until_it_is_killed", vars)
}

#[tokio::test]
async fn the_next_process_of_the_directory_leads_at_once() {
    serving(|_, vars| {
        let scratch = Scratch::new("next");
        let vars = scratch.vars(vars);
        let (leader, mut expect) = candidate(&vars);
        expect("leading, created");
        drop(leader);
        let (leader, mut expect) = candidate(&vars);
        expect("leading, proven_dead");
        // And the one after it.
        drop(leader);
        let (_leader, mut expect) = candidate(&vars);
        expect("leading, proven_dead");
    })
    .await;
}

#[tokio::test]
async fn a_process_that_waits_already_leads_when_the_holder_is_killed_and_not_when_it_is_stopped() {
    serving(|api, vars| {
        let scratch = Scratch::new("waits");
        let vars = scratch.vars(vars);
        let (leader, mut expect) = candidate(&vars);
        expect("leading, created");
        let held = holder(&api);
        let (_follower, mut expect) = candidate(&vars);
        expect("waiting");
        signal(leader.0.id(), "-STOP");
        // It asks ten times in this time, as the end of the test shows.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(holder(&api), held);
        drop(leader);
        expect("leading, proven_dead");
    })
    .await;
}

/// As before: the lease is waited for. The directory is what makes the difference.
#[tokio::test]
async fn without_the_directory_the_next_process_waits() {
    serving(|api, vars| {
        let scratch = Scratch::new("without");
        let with = scratch.vars(vars);
        let (leader, mut expect) = candidate(&with);
        expect("leading, created");
        let held = holder(&api);
        drop(leader);
        let (_follower, mut expect) = candidate(vars);
        expect("waiting");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(holder(&api), held);
    })
    .await;
}
