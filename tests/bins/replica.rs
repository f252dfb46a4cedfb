//! A replica under test: settings as arguments, the cluster from `KUBECONFIG`, events to `REPLICA_LOG`, errors and traces to
//! standard error. What it notes and what it can be told stands in `src/replica.rs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term, shutdown_signal};
use lease_tests::log::{Pen, now};
use lease_tests::replica::{Manners, Settings, Trick};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// How often work shows.
const BEAT: Duration = Duration::from_millis(12);

fn main() -> ExitCode {
    die_with_the_test();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_env_filter("info,lease_runtime=debug")
        .init();
    let settings = match Settings::from_args(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let log = Notes::open();
    let told = told();
    let bodies = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("no runtime");
    let work = Work { log: log.clone(), settings: Arc::new(settings), told };
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

/// A test that is killed leaves nothing behind.
fn die_with_the_test() {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("the end of the test cannot be listened for");
}

async fn stand(work: Work) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    let log = work.log.clone();
    let identity = candidate.identity().to_owned();
    candidate.add(task(work));
    let ready = async {
        // Polled after the candidate, which has taken over the signals by now.
        log.pen(&identity).write("ready", 0, "");
    };
    futures_util::future::join(candidate.run_until(shutdown_signal()), ready).map(|(end, ())| end).await
}

/// Runs until told to drop the runtime that the bodies run on, and then lives on until SIGTERM.
fn lose_runtime(bodies: Runtime, work: Work) -> Result<(), lease_runtime::Error> {
    let own = Builder::new_current_thread().enable_all().build().expect("no runtime");
    let (told, log) = (work.told.clone(), work.log.clone());
    own.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("no signals");
        bodies.spawn(stand(work));
        while !told.swap(false, Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bodies.shutdown_background();
        log.as_anybody().write("runtime-dropped", 0, "");
        terminate.recv().await;
    });
    Ok(())
}

/// Set by SIGUSR1. Listened for on a thread of its own, so that a body that blocks is none of its concerns.
fn told() -> Arc<AtomicBool> {
    let told = Arc::new(AtomicBool::new(false));
    let runtime = Builder::new_current_thread().enable_all().build().expect("no runtime");
    let mut signals = runtime.block_on(async { signal(SignalKind::user_defined1()) }).expect("no signals");
    let flag = told.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            while signals.recv().await.is_some() {
                flag.store(true, Ordering::SeqCst);
            }
        });
    });
    told
}

/// Where events go.
struct Notes {
    path: PathBuf,
}

impl Notes {
    fn open() -> Arc<Notes> {
        let path = std::env::var_os("REPLICA_LOG").expect("REPLICA_LOG has to name the event log");
        Arc::new(Notes { path: path.into() })
    }

    fn pen(&self, identity: &str) -> Pen {
        Pen::open(&self.path, identity).expect("the event log cannot be opened")
    }

    /// Before and after there is an identity.
    fn as_anybody(&self) -> Pen {
        self.pen("process")
    }
}

#[derive(Clone)]
struct Work {
    log: Arc<Notes>,
    settings: Arc<Settings>,
    told: Arc<AtomicBool>,
}

fn task(work: Work) -> LeaderTask<Result<(), &'static str>> {
    let settings = work.settings.clone();
    const LEASE: LeaseSpec = LeaseSpec::new("replica");
    LeaderTask::new("work", LEASE, move |term| body(term, work.clone()))
        .lease(&settings.lease)
        .lease_duration(settings.timing.lease_duration)
        .renew_deadline(settings.timing.renew_deadline)
        .retry_period(settings.timing.retry_period)
        .grace(settings.grace)
        .on_overrun(settings.on_overrun)
}

async fn body(term: Term, work: Work) -> Result<(), &'static str> {
    let token = term.fencing_token().get();
    let pen = Arc::new(work.log.pen(term.identity()));
    let mut gone =
        Gone { pen: pen.clone(), token, how: "dropped", panics: work.settings.manners == Manners::PanicsInDrop };
    pen.write("started", token, "");
    if work.settings.manners == Manners::Children {
        start_children(&term, &pen);
    }
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            () = term.cancelled(), if !asked => {
                asked = true;
                pen.write("cancelled", token, &term.loss().map(|loss| loss.to_string()).unwrap_or_default());
                if matches!(work.settings.manners, Manners::Good | Manners::Children) {
                    break;
                }
            }
            () = tokio::time::sleep(BEAT) => {}
        }
        pen.write("beat", token, "");
        if work.settings.trick != Trick::DropRuntime && work.told.swap(false, Ordering::SeqCst) {
            pen.write("acting", token, &format!("{:?}", work.settings.trick));
            match work.settings.trick {
                Trick::Block(span) => block(span, || pen.write("beat", token, "while blocking")),
                Trick::Panic => panic!("told to panic"),
                Trick::Fail => {
                    gone.how = "failed";
                    return Err("told to fail");
                }
                Trick::Return => break,
                Trick::None | Trick::DropRuntime => {}
            }
        }
    }
    gone.how = "returned";
    Ok(())
}

/// What no async function should do.
fn block<T>(span: Duration, go_on: impl Fn() -> T) {
    let begun = now();
    while now().since(begun) < span {
        std::thread::sleep(BEAT);
        go_on();
    }
}

/// A future and a closure that never end by themselves.
fn start_children(term: &Term, pen: &Arc<Pen>) {
    let token = term.fencing_token().get();
    let own = pen.clone();
    term.spawn(async move {
        loop {
            own.write("child", token, "");
            tokio::time::sleep(BEAT).await;
        }
    });
    let own = pen.clone();
    term.blocking(move |check| {
        while check.check().is_ok() {
            own.write("blocking", token, "");
            std::thread::sleep(BEAT);
        }
    });
}

/// Notes the end of the body, whatever it is.
struct Gone {
    pen: Arc<Pen>,
    token: u64,
    how: &'static str,
    panics: bool,
}

impl Drop for Gone {
    fn drop(&mut self) {
        let panicking = std::thread::panicking();
        self.pen.write("stopped", self.token, if panicking { "panicked" } else { self.how });
        if self.panics && !panicking {
            panic!("told to panic in drop");
        }
    }
}
