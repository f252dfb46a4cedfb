//! `exec`: a program runs while the lease is held, and nothing of it remains afterwards.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use lease_runtime::embedded::{Entry, Fault, RequestMatcher};
use rustix::process::{Pid, Signal, getpgid, kill_process};
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::world::World;

/// What a script does until it is ended. It ends by itself after a minute, so that nothing remains of a test that has failed.
const ON_AND_ON: &str = "for i in $(seq 1200); do sleep 0.05; done";

/// Waits for something that must happen, with a time limit that only a fault exceeds.
async fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(60), what, condition).await
}

async fn within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let seen = timeout(limit, async {
        loop {
            match condition() {
                Some(seen) => return seen,
                None => sleep(Duration::from_millis(10)).await,
            }
        }
    });
    seen.await.unwrap_or_else(|_| panic!("this did not happen: {what}"))
}

/// Whether the process still runs. A process that nobody has waited for does not.
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Waits for the end of a process that is about to be killed, which takes no time.
async fn gone(pid: u32) {
    within(Duration::from_secs(10), &format!("the end of process {pid}"), || (!is_alive(pid)).then_some(())).await;
}

/// `exec` with a script, and how its world sees it.
struct Exec {
    child: Child,
    dir: PathBuf,
}

impl Exec {
    fn start(world: &World, options: &[&str], script: &str) -> Exec {
        let mut arguments = vec!["exec", "--lease", "job"];
        arguments.extend(options);
        arguments.extend(["--", "sh", "-c", script]);
        Exec { child: world.command(&arguments).spawn().unwrap(), dir: world.dir.clone() }
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap(), signal).unwrap();
    }

    /// The number that the script has written into this file.
    async fn number(&self, file: &str) -> u32 {
        let path = self.dir.join(file);
        let read = || std::fs::read_to_string(&path).ok()?.strip_suffix('\n')?.parse().ok();
        until(&format!("a number in {file}"), read).await
    }

    async fn end(&mut self) -> ExitStatus {
        timeout(Duration::from_secs(60), self.child.wait()).await.expect("it must end").unwrap()
    }
}

fn holder(world: &World) -> Option<String> {
    world.api.lease("jobs", "job")?.spec?.holder_identity.filter(|holder| !holder.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_is_handed_on_and_the_lease_is_released() {
    let world = World::new("exec-code").await;
    let mut exec = Exec::start(&world, &[], "echo $LEASE_FENCING_TOKEN > token; exit 3");
    assert_eq!(exec.end().await.code(), Some(3));
    assert!(exec.number("token").await > 0);
    assert!(world.api.lease("jobs", "job").is_some() && holder(&world).is_none());
    let missing = world.run(&["exec", "--lease", "job", "--", "/nowhere/program"]).await;
    assert_eq!(missing.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("\"/nowhere/program\" cannot be run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argument_counts_more_than_the_environment() {
    let world = World::new("exec-environment").await;
    let arguments = ["exec", "--lease", "job", "-n", "jobs", "--lease-duration", "4s", "--", "true"];
    let mut command = world.command(&arguments);
    command.env("LEASE_NAMESPACE", "shop").env("LEASE_DURATION", "9s").env("LEASE_PREFIX", "blue");
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let writes = world.api.requests().entries();
    let durations = writes.iter().map(|entry| entry.call.body["spec"]["leaseDurationSeconds"].clone());
    assert!(durations.clone().any(|seconds| seconds == 4) && !durations.clone().any(|seconds| seconds == 9));
    // What no argument sets comes from the environment.
    assert!(world.api.lease("jobs", "blue-job").is_some() && world.api.lease("shop", "blue-job").is_none());
    let said = world.fails(&["exec", "--lease", "job", "--lease-duration", "0s", "--", "true"]).await;
    assert!(said.contains("`0ns`: lease_duration must"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_at_sigterm_is_not_killed() {
    let world = World::new("exec-obedient").await;
    let script = format!("trap 'echo 1 > asked; exit 5' TERM; echo $$ > pid; {ON_AND_ON}");
    let mut exec = Exec::start(&world, &[], &script);
    let pid = exec.number("pid").await;
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(5));
    assert_eq!(exec.number("asked").await, 1);
    assert!(!is_alive(pid) && holder(&world).is_none());
}

/// The lease is renewed during the grace. The hard stop of the last renewal before SIGTERM comes after 2.4 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_may_use_a_grace_that_is_longer_than_the_lease() {
    let world = World::new("exec-grace").await;
    let script = format!("trap 'sleep 4; exit 7' TERM; echo $$ > pid; {ON_AND_ON}");
    let mut exec = Exec::start(&world, &["--lease-duration", "3s", "--grace", "30s"], &script);
    exec.number("pid").await;
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(7));
    assert!(holder(&world).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ignores_sigterm_is_killed_after_its_grace() {
    let world = World::new("exec-stubborn").await;
    let script = format!("trap '' TERM; echo $$ > pid; {ON_AND_ON}");
    let mut exec = Exec::start(&world, &["--grace", "1s"], &script);
    let pid = exec.number("pid").await;
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(128 + 9));
    assert!(!is_alive(pid) && holder(&world).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_has_forked_ends_with_it() {
    let world = World::new("exec-forks").await;
    let mut exec = Exec::start(&world, &[], "(trap '' TERM HUP; sleep 60) & echo $! > left; exit 0");
    assert_eq!(exec.end().await.code(), Some(0));
    gone(exec.number("left").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_dies_with_the_process_that_runs_it() {
    let world = World::new("exec-killed").await;
    let script = format!("trap '' TERM HUP; (sleep 60) & echo $! > child; echo $$ > pid; {ON_AND_ON}");
    // The deadline is far, so it is the end of the process that ends the program.
    let mut exec = Exec::start(&world, &["--lease-duration", "10m"], &script);
    let (pid, child) = (exec.number("pid").await, exec.number("child").await);
    assert!(is_alive(pid) && is_alive(child));
    exec.signal(Signal::KILL);
    exec.end().await;
    gone(pid).await;
    gone(child).await;
}

/// If `exec` were killed as well, nothing would end the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_does_not_outlive_its_guard() {
    let world = World::new("exec-guard").await;
    let script = format!("trap '' TERM; echo $$ > pid; {ON_AND_ON}");
    let mut exec = Exec::start(&world, &["--lease-duration", "10m"], &script);
    let pid = exec.number("pid").await;
    let guard = getpgid(Pid::from_raw(i32::try_from(pid).unwrap())).unwrap();
    assert_ne!(guard.as_raw_nonzero().get().unsigned_abs(), pid);
    kill_process(guard, Signal::KILL).unwrap();
    assert_eq!(exec.end().await.code(), Some(1));
    assert!(!is_alive(pid) && holder(&world).is_none());
}

/// The program ends when the lease is lost, and runs again when it was acquired again. It was asked to end, so it is not done.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_again_after_the_lease_was_lost() {
    let world = World::new("exec-lost").await;
    let script = format!("trap 'exit 0' TERM; echo $$ > pid; {ON_AND_ON}");
    let mut exec = Exec::start(&world, &["--lease-duration", "3s"], &script);
    let pid = exec.number("pid").await;
    let outage = world.api.inject(RequestMatcher::writes(), Fault::status(503));
    gone(pid).await;
    outage.remove();
    let again =
        || std::fs::read_to_string(world.dir.join("pid")).ok()?.trim().parse::<u32>().ok().filter(|new| *new != pid);
    until("another run of the program", again).await;
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(0));
    assert!(holder(&world).is_none());
}

/// The process that runs `exec` cannot kill anything while it is stopped. The program must not run beside its successor.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_ends_in_time_if_the_process_that_runs_it_is_stopped() {
    let world = World::new("exec-stopped").await;
    let short = ["--lease-duration", "3s"];
    let mut first = Exec::start(&world, &short, &format!("echo $$ > first; {ON_AND_ON}"));
    let pid = first.number("first").await;
    let script = "if kill -0 $(cat first) 2> /dev/null && ! grep -q '^State:.Z' /proc/$(cat first)/status; then echo 1; else echo 0; fi > overlap";
    let mut second = Exec::start(&world, &short, script);
    first.signal(Signal::STOP);
    assert_eq!(second.end().await.code(), Some(0));
    assert_eq!(second.number("overlap").await, 0, "the program was still running when its successor began");
    gone(pid).await;
    // It leads again after it goes on.
    first.signal(Signal::CONT);
    let again =
        || std::fs::read_to_string(world.dir.join("first")).ok()?.trim().parse::<u32>().ok().filter(|new| *new != pid);
    until("another run of the first program", again).await;
    first.signal(Signal::TERM);
    first.end().await;
}

/// The lease was renewed, and the guard does not know it yet. It kills the program at the earlier deadline, and the term goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_its_guard_killed_too_early_runs_again() {
    let world = World::new("exec-late").await;
    // It renews after 1.33 s, and the guard has learned the deadline after 1.25 s. It learns the next one after 1.5 s.
    let mut exec = Exec::start(&world, &["--lease-duration", "4s"], &format!("echo $$ > pid; {ON_AND_ON}"));
    let mut pid = exec.number("pid").await;
    for _ in 0..3 {
        let answered = || {
            let renewal = |entry: &Entry| entry.call.verb.is_write() && entry.call.name.as_deref() == Some("job");
            let requests = world.api.requests().entries();
            requests.iter().filter(|entry| renewal(entry) && entry.ended.is_some()).count()
        };
        let before = answered();
        until("a renewal", || (answered() > before).then_some(())).await;
        sleep(Duration::from_millis(20)).await;
        exec.signal(Signal::STOP);
        gone(pid).await;
        exec.signal(Signal::CONT);
        let again = || {
            std::fs::read_to_string(world.dir.join("pid")).ok()?.trim().parse::<u32>().ok().filter(|new| *new != pid)
        };
        pid = until("another run of the program", again).await;
    }
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(128 + 15), "it ended at SIGTERM");
    assert!(holder(&world).is_none());
}

/// It was stopped long ago, because the lease was lost, and nothing ran since.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ended_with_an_earlier_term_does_not_make_exec_fail() {
    let world = World::new("exec-earlier").await;
    let mut exec = Exec::start(&world, &["--lease-duration", "3s"], &format!("echo $$ > pid; {ON_AND_ON}"));
    let pid = exec.number("pid").await;
    let _outage = world.api.inject(RequestMatcher::writes(), Fault::status(503));
    gone(pid).await;
    exec.signal(Signal::TERM);
    assert_eq!(exec.end().await.code(), Some(0));
}

/// The program may still run when the process is dead. So this process must not announce in a state directory that its end is the end of
/// all work.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_exec_is_no_proof_that_its_program_has_ended() {
    let world = World::new("exec-state-dir").await;
    let state_dir = world.dir.join("state");
    std::fs::create_dir(&state_dir).unwrap();
    let mut command = world.command(&["exec", "--lease", "job", "--", "sh", "-c", "ls -A state | wc -l > files"]);
    let child = command.env("LEASE_STATE_DIR", &state_dir).spawn().unwrap();
    let mut exec = Exec { child, dir: world.dir.clone() };
    assert_eq!(exec.end().await.code(), Some(0));
    assert_eq!(exec.number("files").await, 0);
}
