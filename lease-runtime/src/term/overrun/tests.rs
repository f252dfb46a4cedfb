use std::future::{Future, pending, poll_fn};
use std::io::Read;
use std::pin::Pin;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::lease::LeaseId;
use crate::term::testing::{HandClock, granted};
use crate::term::{Guarded, RunScope, Term};
use lease_protocol::election::{Deadlines, FencingToken, Grant};

fn term(term_state: &Arc<TermState>, policy: OnOverrun) -> Term {
    let scope = RunScope::new("sync".into(), Duration::MAX, policy, None, term_state.stop_signal().clone());
    Term::new(term_state.clone()).scoped(Arc::new(scope))
}

/// What is found at each of these moments, called from within a poll.
fn found_inside(clock: &Arc<HandClock>, moments: &'static [u64]) -> Vec<Vec<Overrun>> {
    let (term_state, alive) = granted(clock.clone(), 1000);
    let found = Arc::new(std::sync::Mutex::new(Vec::new()));
    let body = poll_fn({
        let (term_state, clock, found) = (term_state.clone(), clock.clone(), found.clone());
        move |_| {
            for moment in moments {
                clock.set(*moment);
                found.lock().unwrap().push(find(&term_state, clock.now(), OnOverrun::Report));
            }
            Poll::<()>::Pending
        }
    });
    let mut body = Guarded::body(term(&term_state, OnOverrun::Report), Box::pin(body), alive);
    clock.set(500);
    let _ = Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop()));
    drop(body);
    Arc::try_unwrap(found).unwrap().into_inner().unwrap()
}

#[test]
fn a_body_inside_a_poll_at_the_hard_stop_is_found_once() {
    // Dropped at 1000, hard stop at 1010.
    let found = found_inside(&HandClock::new(), &[1000, 1009, 1010, 1011]);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 1, 0]);
    let overrun = &found[2][0];
    assert_eq!(overrun.lasted, Duration::from_nanos(510));
    assert_eq!(
        overrun.message(),
        "task `sync` of lease `default/ledger` (term 7) has been inside one poll for 510.0ns and the lease may pass to \
         another replica now; it goes on beside its successor, as `on_overrun = report` asks for: yield in long loops, \
         move what blocks to `term.blocking(..)` and let it ask its check between two steps"
    );
}

#[test]
fn an_idle_body_is_no_overrun_and_never_runs_again() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 1000);
    let mut body = Guarded::body(term(&term_state, OnOverrun::Abort), Box::pin(pending::<()>()), alive);
    let mut poll = || Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_pending());
    clock.set(1010);
    enforce(&term_state, clock.now());
    // This holds even for a guard that read the clock long ago.
    clock.set(900);
    assert!(poll().is_ready());
}

#[test]
fn a_drop_that_has_just_begun_is_given_the_time_of_a_poll() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 1000);
    struct Slow(Arc<TermState>, Arc<HandClock>);
    impl Drop for Slow {
        fn drop(&mut self) {
            for (at, expected) in [(2000, 0), (2009, 0), (2010, 1), (2011, 0)] {
                self.1.set(at);
                let found = find(&self.0, self.1.now(), OnOverrun::Report);
                assert_eq!(found.len(), expected, "at {at}");
                assert!(found.iter().all(|overrun| overrun.place == "the drop of its future"));
            }
            self.1.set(3000);
        }
    }
    let slow = Slow(term_state.clone(), clock.clone());
    let body = async move {
        let _slow = slow;
        pending::<()>().await;
    };
    let mut body = Guarded::body(term(&term_state, OnOverrun::Report), Box::pin(body), alive);
    assert!(Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.set(2000);
    drop(body);
    assert_eq!(clock.now().as_nanos(), 3000, "the drop went through without a panic");
}

#[tokio::test]
async fn a_closure_that_outlasts_the_lease_is_an_overrun() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 1000);
    let term = term(&term_state, OnOverrun::Report);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (proceed, may_proceed) = mpsc::channel::<()>();
    let closure = term.blocking(move |_| {
        begun.send(()).unwrap();
        may_proceed.recv().unwrap();
    });
    has_begun.await.unwrap();
    clock.set(1010);
    let found = find(&term_state, clock.now(), OnOverrun::Report);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place, "a blocking closure");
    proceed.send(()).unwrap();
    closure.await.unwrap();
    drop(alive);
}

/// The process that the tests below start: a body that blocks its thread, and an elector that enforces the hard stop.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn a_process_with_an_overrun() {
    let policy = match std::env::var("POLICY").as_deref() {
        Ok("abort") => OnOverrun::Abort,
        _ => OnOverrun::Report,
    };
    let gag = std::env::var("GAG").is_ok();
    let clock = Arc::new(SystemClock);
    let at = |millis| clock.now() + Duration::from_millis(millis);
    let deadlines = Deadlines { cancel_at: at(100), drop_at: at(200), hard_stop: at(210) };
    let grant = Grant { token: FencingToken::new(7), transitions: 0, deadlines };
    let lease = LeaseId::new("default", "ledger");
    let (term_state, alive) = TermState::begin(lease, "pod_1".into(), &grant, clock.clone());
    let (unblock, blocked) = mpsc::channel::<()>();
    let body = poll_fn(move |_| {
        // The worst thing to be stuck in: writing to a stderr that nobody reads.
        let _gagged = gag.then(|| std::io::stderr().lock());
        let _ = blocked.recv();
        Poll::<()>::Pending
    });
    let body = Guarded::body(term(&term_state, policy), Box::pin(body), alive);
    let body = std::thread::spawn(move || {
        let mut body = body;
        let _ = Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop()));
    });
    while clock.now() < deadlines.hard_stop {
        std::thread::sleep(Duration::from_millis(1));
    }
    enforce(&term_state, clock.now());
    // Only `report` comes here. The thread that writes its message may be slower than this one.
    std::thread::sleep(exit::FINAL_MESSAGE_TIME * 5);
    drop(unblock);
    body.join().unwrap();
    println!("survived");
}

fn process(vars: &[(&str, &str)]) -> (ExitStatus, String, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "term::overrun::tests::a_process_with_an_overrun", "--ignored", "--nocapture"])
        .envs(vars.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap(), out, err)
}

#[cfg(unix)]
#[test]
fn abort_says_who_and_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    let (status, out, err) = process(&[("POLICY", "abort")]);
    assert!(status.signal().is_some(), "{status} {out}");
    assert!(!out.contains("survived"));
    assert!(
        err.contains("lease-runtime: task `sync` of lease `default/ledger` (term 7) has been inside one poll"),
        "{err}"
    );
    assert!(err.contains("ending the process"), "{err}");
}

#[cfg(unix)]
#[test]
fn abort_does_not_wait_for_a_stderr_that_the_stuck_body_holds() {
    use std::os::unix::process::ExitStatusExt;
    let (status, out, _) = process(&[("POLICY", "abort"), ("GAG", "1")]);
    assert!(status.signal().is_some(), "{status} {out}");
}

#[test]
fn report_says_so_and_goes_on() {
    let (status, out, err) = process(&[("POLICY", "report")]);
    assert!(status.success() && out.contains("survived"), "{status} {out} {err}");
    assert_eq!(err.matches("it goes on beside its successor").count(), 1, "{err}");
}
