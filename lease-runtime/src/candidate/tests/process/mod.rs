//! Tests with an environment and signals, each in a process of its own.

#[cfg(target_os = "linux")]
mod dying;
mod exits;

use std::future::IntoFuture;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// Set in the processes that these tests start, and nowhere else: the tests in them use the cluster of the environment.
const CHILD: &str = "LEASE_RUNTIME_TEST_CHILD";

/// Whether this is such a process. It then ends by itself after a minute, in case the test that started it is gone.
fn is_child() -> bool {
    let is_child = std::env::var_os(CHILD).is_some();
    if is_child {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(60));
            println!("still there after a minute");
            std::process::exit(99);
        });
    }
    is_child
}

/// Starts this test binary again, to run one ignored test of this module without the variables of the environment.
fn process(test: &str, vars: &[(&str, &str)]) -> (Process, impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("candidate::tests::process::{test}"), "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", "/nonexistent")
        .env(CHILD, "1")
        .envs(vars.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expect = move |wanted: &str| said(&mut lines, wanted);
    expect("running 1 test");
    (Process(child), expect)
}

/// Killed with the test that started it, also if that fails.
struct Process(Child);

impl Process {
    fn succeeds(self) {
        self.ends_with(0);
    }

    fn ends_with(mut self, code: i32) {
        assert_eq!(self.0.wait().unwrap().code(), Some(code));
    }
}

/// Serves the API to a process, as long as `play` runs.
async fn serving(play: impl FnOnce(EmbeddedApi, &[(&str, &str)]) + Send + 'static) -> EmbeddedApi {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let api = EmbeddedApi::new();
    let server = api.serve(([127, 0, 0, 1], 0)).await.unwrap();
    let kubeconfig = std::env::temp_dir().join(format!("lease-runtime-process-{}-{number}", std::process::id()));
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    let path = kubeconfig.to_str().unwrap().to_owned();
    let _removed = AtTheEnd(Some(|| drop(std::fs::remove_file(&kubeconfig))));
    let seen = api.clone();
    tokio::task::spawn_blocking(move || play(seen, &[("KUBECONFIG", &*path), ("POD_NAME", "pod-7")])).await.unwrap();
    server.stop().await;
    api
}

fn holder(api: &EmbeddedApi) -> Option<String> {
    api.lease("default", "ledger")?.spec?.holder_identity
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads on until the process prints this.
fn said(lines: &mut std::io::Lines<BufReader<ChildStdout>>, wanted: &str) {
    let mut all = String::new();
    for line in lines {
        let line = line.unwrap();
        if line.contains(wanted) {
            return;
        }
        all = all + &line + "\n";
    }
    panic!("it ended without saying {wanted:?}, but:\n{all}");
}

fn seven() -> LeaderTask<Result<u32, String>> {
    LeaderTask::new("seven", LEDGER, |term: Term| async move {
        println!("leading {}", term.lease());
        Ok(7)
    })
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn awaits_a_task_without_a_cluster() {
    if !is_child() {
        return;
    }
    for error in [seven().await.unwrap_err(), seven().spawn().await.unwrap_err()] {
        println!("error: {error}");
    }
}

#[test]
fn without_a_cluster_awaiting_a_task_says_how_to_get_one() {
    let (child, mut expect) = process("awaits_a_task_without_a_cluster", &[]);
    for _ in 0..2 {
        expect("error: no Kubernetes cluster was found");
    }
    child.succeeds();
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn awaits_a_task_without_an_election() {
    if !is_child() {
        return;
    }
    assert_eq!(seven().await.unwrap(), Ok(7));
    println!("all done");
}

/// Without a kubeconfig, and without anything that could be reached.
#[test]
fn without_an_election_a_task_needs_no_cluster() {
    let vars = [("LEASE_ELECTION", "off"), ("LEASE_PREFIX", "blue"), ("LEASE_NAMESPACE", "jobs")];
    let (child, mut expect) = process("awaits_a_task_without_an_election", &vars);
    expect("leading jobs/blue-ledger");
    expect("all done");
    child.succeeds();
}

#[test]
fn a_bad_variable_is_an_error_before_a_cluster_is_looked_for() {
    let (child, mut expect) = process("awaits_a_task_without_a_cluster", &[("LEASE_DURATION", "15")]);
    for _ in 0..2 {
        expect("error: `LEASE_DURATION` is `15`: a duration needs a unit: write `15s`");
    }
    child.succeeds();
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn awaits_tasks_of_the_environment() {
    if !is_child() {
        return;
    }
    assert_eq!(seven().await.unwrap(), Ok(7));
    println!("awaited");
    // A future that is dropped gives its task up.
    let forever = LeaderTask::new("forever", SHARD, |_| async {
        println!("forever began");
        let _end = AtTheEnd(Some(|| println!("forever dropped")));
        pending::<()>().await;
    });
    let second = LeaderTask::new("second", SHARD, |_| async { println!("second ran") });
    let _ = timeout(Duration::from_secs(2), forever.into_future()).await;
    second.await.unwrap();
    assert_eq!(seven().spawn().await.unwrap(), Ok(7));
    println!("all done");
}

#[tokio::test]
async fn awaited_tasks_release_their_lease_before_they_give_their_value() {
    let api = serving(|api, vars| {
        let (child, mut expect) = process("awaits_tasks_of_the_environment", vars);
        expect("leading default/ledger");
        expect("awaited");
        assert_eq!(holder(&api).as_deref(), Some(""));
        expect("forever began");
        expect("forever dropped");
        expect("second ran");
        expect("all done");
        child.succeeds();
    })
    .await;
    let requests = api.requests().entries();
    assert!(requests.iter().any(|entry| format!("{entry:?}").contains("pod-7_")), "POD_NAME is in the identity");
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn awaits_a_task_of_its_own_lease() {
    if !is_child() {
        return;
    }
    let candidate = Candidate::from_env().await.unwrap();
    candidate.add(LeaderTask::new("outer", LEDGER, |_| async {
        println!("outer: {}", seven().await.unwrap_err());
        println!("spawned: {}", seven().spawn().await.unwrap_err());
    }));
    within(50, candidate.run()).await.unwrap();
    println!("ended");
}

/// A task that is awaited belongs to another candidate than the body that awaits it.
#[tokio::test]
async fn a_body_that_awaits_a_task_of_its_own_lease_gets_an_error() {
    serving(|_, vars| {
        let (child, mut expect) = process("awaits_a_task_of_its_own_lease", vars);
        for who in ["outer", "spawned"] {
            expect(&format!("{who}: task `outer` of lease `default/ledger` waits for task `seven` of the same lease"));
        }
        expect("ended");
        child.succeeds();
    })
    .await;
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn runs_until_it_is_signalled() {
    if !is_child() {
        return;
    }
    let api = EmbeddedApi::new();
    let candidate = Candidate::builder().client(api.client("default")).build().await.unwrap();
    let body = LeaderTask::new("one", LEDGER, |term: Term| async move {
        println!("began");
        let _end = AtTheEnd(Some(|| println!("dropped")));
        term.cancelled().await;
        println!("asked to end");
        pending::<()>().await;
    });
    let handle = candidate.add(body.grace(Duration::from_secs(3600)));
    within(60, candidate.run_until(shutdown_signal())).await.unwrap();
    assert!(matches!(handle.await, Err(Error::Stopped { .. })));
    assert_eq!(api.lease("default", "ledger").unwrap().spec.unwrap().holder_identity.as_deref(), Some(""));
    println!("released");
}

#[cfg(unix)]
#[test]
fn a_second_signal_cuts_the_grace_to_nothing() {
    let (child, mut expect) = process("runs_until_it_is_signalled", &[]);
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &child.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    expect("began");
    signal("-TERM");
    expect("asked to end");
    signal("-INT");
    expect("dropped");
    expect("released");
    child.succeeds();
}

#[cfg(unix)]
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn is_signalled_twice_while_nothing_answers() {
    if !is_child() {
        return;
    }
    let api = EmbeddedApi::new();
    let hour = Duration::from_secs(3600);
    let builder = Candidate::builder().client(api.client("default")).release_timeout(hour);
    let candidate = builder.build().await.unwrap();
    let body = LeaderTask::new("one", LEDGER.lease_duration(hour).renew_deadline(hour / 2), move |term: Term| {
        api.inject(crate::embedded::RequestMatcher::any(), crate::embedded::Fault::hang());
        async move {
            println!("cut off");
            term.cancelled().await;
            println!("asked to end");
        }
    });
    drop(candidate.add(body));
    candidate.run_until(shutdown_signal()).await.unwrap();
    println!("ended");
}

/// The release timeout is an hour. The test gives up after a minute.
#[cfg(unix)]
#[test]
fn a_second_signal_does_not_wait_for_the_release() {
    let (child, mut expect) = process("is_signalled_twice_while_nothing_answers", &[]);
    expect("cut off");
    signal(child.0.id(), "-TERM");
    expect("asked to end");
    signal(child.0.id(), "-TERM");
    expect("ended");
    child.succeeds();
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn is_signalled_before_it_runs() {
    if !is_child() {
        return;
    }
    let api = EmbeddedApi::new();
    let shutdown = shutdown_signal();
    // As if it connected to a database.
    #[cfg(unix)]
    signal(std::process::id(), "-TERM");
    println!("still there");
    let candidate = Candidate::builder().client(api.client("default")).build().await.unwrap();
    let handle = candidate.add(LeaderTask::new("one", LEDGER, |_| async { println!("began") }));
    candidate.run_until(shutdown).await.unwrap();
    assert!(matches!(handle.await, Err(Error::Stopped { .. })));
    assert_eq!(api.lease("default", "ledger"), None, "it has led");
    println!("never led");
}

#[cfg(unix)]
#[test]
fn a_signal_counts_from_the_call_of_shutdown_signal() {
    let (child, mut expect) = process("is_signalled_before_it_runs", &[]);
    expect("still there");
    expect("never led");
    child.succeeds();
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn runs_until_an_election_fails() {
    if !is_child() {
        return;
    }
    let api = EmbeddedApi::new();
    api.inject(crate::embedded::RequestMatcher::any().name("shard"), crate::embedded::Fault::status(403));
    let builder = Candidate::builder().client(api.client("default"));
    let candidate = builder.on_late_refusal(OnLateRefusal::EndCandidate).build().await.unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let begin = begun.clone();
    let body = LeaderTask::new("one", LEDGER, move |term: Term| {
        begin.notify_one();
        async move {
            let _end = AtTheEnd(Some(|| println!("dropped")));
            term.cancelled().await;
            println!("asked to end");
            pending::<()>().await;
        }
    });
    drop(candidate.add(body.grace(Duration::from_secs(3600))));
    let fail = async {
        begun.notified().await;
        drop(candidate.add(LeaderTask::new("two", SHARD, |_| async {})));
        pending::<()>().await;
    };
    let run = within(60, candidate.run_until(shutdown_signal()));
    tokio::select! {
        biased;
        ended = run => assert!(matches!(ended, Err(Error::Election { .. })), "{ended:?}"),
        () = fail => {}
    }
    println!("released");
}

/// While the bodies use their grace after a failure, the process must still react to signals.
#[cfg(unix)]
#[test]
fn signals_work_after_a_failure() {
    let (child, mut expect) = process("runs_until_an_election_fails", &[]);
    expect("asked to end");
    for name in ["-TERM", "-INT"] {
        let sent = Command::new("kill").args([name, &child.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
    expect("dropped");
    expect("released");
    child.succeeds();
}
