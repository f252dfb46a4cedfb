//! A replica under test: settings as arguments, the cluster from `KUBECONFIG`, events to `REPLICA_LOG`, errors and traces to
//! standard error. Its events and settings are described in `src/replica/mod.rs`.

mod sink;
mod ticks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term, shutdown_signal};
use lease_tests::log::{Pen, now};
use lease_tests::replica::{Host, Manners, Settings, Trick};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

fn main() -> ExitCode {
    die_with_the_test();
    let settings = match Settings::from_args(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let mut trouble = sink::install(settings.sink);
    let log = Notes::open();
    let triggered = Arc::new(AtomicBool::new(false));
    let flag = triggered.clone();
    on_signal(SignalKind::user_defined1(), move || {
        trouble.begin();
        flag.store(true, Ordering::SeqCst);
    });
    let bodies = match settings.host {
        Host::Thread => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
        Host::Bodies => Builder::new_current_thread().enable_all().build(),
    };
    let bodies = bodies.expect("no runtime");
    let available = availability(log.clone());
    let work = Work { log: log.clone(), settings: Arc::new(settings), triggered, available };
    let end = if work.settings.trick == Trick::DropRuntime {
        lose_runtime(bodies, work)
    } else {
        bodies.block_on(stand(work))
    };
    match end {
        Ok(()) => {
            log.as_anybody().write("exited", 0, "ok");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            log.as_anybody().write("exited", 0, &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Ends with the test, so that no replica remains if the test is killed.
fn die_with_the_test() {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("the end of the test cannot be observed");
}

async fn stand(work: Work) -> Result<(), lease_runtime::Error> {
    let log = work.log.clone();
    let mut builder = Candidate::builder().contend_when(work.available.clone());
    if work.settings.host == Host::Bodies {
        builder = builder.client(kube::Client::try_default().await.expect("no client"));
    }
    let candidate = builder.build().await?;
    let identity = candidate.identity().to_owned();
    for lease in work.settings.leases() {
        for task in &work.settings.tasks {
            candidate.add(ticks::task(lease.clone(), task, work.clone()));
        }
        candidate.add(task(lease, work.clone()));
    }
    let ready = async {
        // This is polled after the candidate, which then handles signals.
        log.pen(&identity).write("ready", 0, "");
    };
    futures_util::future::join(candidate.run_until(shutdown_signal()), ready).map(|(end, ())| end).await
}

/// Runs until SIGUSR1, then drops the runtime of the bodies and continues until SIGTERM.
fn lose_runtime(bodies: Runtime, work: Work) -> Result<(), lease_runtime::Error> {
    let own = Builder::new_current_thread().enable_all().build().expect("no runtime");
    let (triggered, log) = (work.triggered.clone(), work.log.clone());
    own.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("no signals");
        bodies.spawn(stand(work));
        while !triggered.swap(false, Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bodies.shutdown_background();
        log.as_anybody().write("runtime-dropped", 0, "");
        terminate.recv().await;
    });
    Ok(())
}

/// Whether this replica may take part, which SIGUSR2 changes.
fn availability(log: Arc<Notes>) -> watch::Receiver<bool> {
    let (available, condition) = watch::channel(true);
    on_signal(SignalKind::user_defined2(), move || {
        let now = !*available.borrow();
        // Logged before the change can have an effect.
        log.as_anybody().write(if now { "available" } else { "unavailable" }, 0, "");
        available.send_replace(now);
    });
    condition
}

/// Calls a function at each signal of a kind, on another thread, so that a body that blocks does not delay it.
fn on_signal(kind: SignalKind, mut act: impl FnMut() + Send + 'static) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("no runtime");
    let mut signals = runtime.block_on(async { signal(kind) }).expect("no signals");
    std::thread::spawn(move || {
        runtime.block_on(async {
            while signals.recv().await.is_some() {
                act();
            }
        });
    });
}

/// The event log.
struct Notes {
    path: PathBuf,
}

impl Notes {
    fn open() -> Arc<Notes> {
        let path = std::env::var_os("REPLICA_LOG").expect("REPLICA_LOG must be the path of the event log");
        Arc::new(Notes { path: path.into() })
    }

    fn pen(&self, identity: &str) -> Pen {
        Pen::open(&self.path, identity).expect("the event log cannot be opened")
    }

    /// For events from before the replica has an identity, and from after its end.
    fn as_anybody(&self) -> Pen {
        self.pen("process")
    }
}

#[derive(Clone)]
struct Work {
    log: Arc<Notes>,
    settings: Arc<Settings>,
    triggered: Arc<AtomicBool>,
    available: watch::Receiver<bool>,
}

fn task(lease: String, work: Work) -> LeaderTask<Result<(), &'static str>> {
    const LEASE: LeaseSpec = LeaseSpec::new("replica");
    let settings = work.settings.clone();
    LeaderTask::new("work", LEASE, move |term| body(term, work.clone()))
        .lease(lease)
        .lease_duration(settings.timing.lease_duration)
        .renew_deadline(settings.timing.renew_deadline)
        .retry_period(settings.timing.retry_period)
        .grace(settings.grace)
        .on_overrun(settings.on_overrun)
        .max_restarts(settings.restarts, Duration::from_secs(60))
        .on_exhausted(settings.on_exhausted)
        .on_loss(settings.on_loss)
}

/// Logs the events of a term.
struct Scribe {
    pen: Pen,
    lease: String,
    token: u64,
}

impl Scribe {
    fn new(term: &Term, work: &Work) -> Scribe {
        let lease = if work.settings.shards == 0 { String::new() } else { term.lease().name().to_owned() };
        Scribe { pen: work.log.pen(term.identity()), lease, token: term.fencing_token().get() }
    }

    fn write(&self, what: &str, detail: &str) {
        self.pen.write_under(&self.lease, what, self.token, detail);
    }
}

async fn body(term: Term, work: Work) -> Result<(), &'static str> {
    let (settings, scribe) = (&work.settings, Arc::new(Scribe::new(&term, &work)));
    let mut gone = Gone { scribe: scribe.clone(), how: "dropped", panics: settings.manners == Manners::PanicsInDrop };
    scribe.write("started", "");
    match settings.manners {
        Manners::Children => start_children(&term, &scribe, settings.beat),
        Manners::Thread => start_thread(&scribe, settings.beat),
        Manners::Good | Manners::Ignores | Manners::PanicsInDrop => {}
    }
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            () = term.cancelled(), if !asked => {
                asked = true;
                scribe.write("cancelled", &term.stop_reason().map(|loss| loss.to_string()).unwrap_or_default());
                if !matches!(settings.manners, Manners::Ignores | Manners::PanicsInDrop) {
                    break;
                }
            }
            () = tokio::time::sleep(settings.beat) => {}
        }
        scribe.write("beat", "");
        if settings.trick != Trick::DropRuntime && work.triggered.swap(false, Ordering::SeqCst) {
            scribe.write("acting", &format!("{:?}", settings.trick));
            match settings.trick {
                Trick::Block(span) => block(span, settings.beat, || scribe.write("beat", "while blocking")),
                Trick::Panic => panic!("told to panic"),
                Trick::Fail => {
                    gone.how = "failed";
                    return Err("told to fail");
                }
                Trick::Return => break,
                Trick::StepDown => term.step_down(),
                Trick::None | Trick::DropRuntime => {}
            }
        }
    }
    gone.how = "returned";
    Ok(())
}

/// Blocks the thread, which no async function should do.
fn block<T>(span: Duration, beat: Duration, go_on: impl Fn() -> T) {
    let begun = now();
    while now().since(begun) < span {
        std::thread::sleep(beat);
        go_on();
    }
}

/// A future and a closure that never end by themselves.
fn start_children(term: &Term, scribe: &Arc<Scribe>, beat: Duration) {
    let own = scribe.clone();
    term.spawn(async move {
        loop {
            own.write("child", "");
            tokio::time::sleep(beat).await;
        }
    });
    let own = scribe.clone();
    term.blocking(move |check| {
        while check.check().is_ok() {
            own.write("blocking", "");
            std::thread::sleep(beat);
        }
    });
}

/// Starts a thread that runs until the process ends.
fn start_thread(scribe: &Arc<Scribe>, beat: Duration) {
    let own = scribe.clone();
    std::thread::spawn(move || {
        loop {
            own.write("thread", "");
            std::thread::sleep(beat);
        }
    });
}

/// Logs the end of the body, for any reason.
struct Gone {
    scribe: Arc<Scribe>,
    how: &'static str,
    panics: bool,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let panicking = std::thread::panicking();
        self.scribe.write("stopped", if panicking { "panicked" } else { self.how });
        if self.panics && !panicking {
            panic!("told to panic in drop");
        }
    }
}
