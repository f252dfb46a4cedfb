//! A replica with the controller of kube-runtime over ConfigMaps, for the scenarios. Its arguments are `guarded` or `bare`, and
//! the settings of a replica.
//!
//! `guarded` wraps the reconcile function by `Term::reconciler`. `bare` passes it to the controller as it is. Beside the events of a
//! replica, it writes `reconciling` at each poll of a reconcile. A reconcile never ends by itself. SIGUSR1 makes one of them block
//! inside a poll for as long as the setting `trick` says.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt};
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Term, shutdown_signal};
use lease_tests::log::{Pen, now};
use lease_tests::replica::{Settings, Trick};
use tokio::signal::unix::{SignalKind, signal};

/// A reconcile of these scenarios does not fail.
#[derive(Debug, thiserror::Error)]
enum Never {}

#[derive(Clone)]
struct Work {
    guarded: bool,
    settings: Arc<Settings>,
    triggered: Arc<AtomicBool>,
}

/// What a reconcile gets from the controller.
struct Reconciling {
    work: Work,
    scribe: Arc<Scribe>,
}

/// Logs the events of a term.
struct Scribe {
    pen: Pen,
    token: u64,
}

impl Scribe {
    fn write(&self, what: &str, detail: &str) {
        self.pen.write(what, self.token, detail);
    }
}

#[tokio::main(worker_threads = 4)]
async fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("the end of the test cannot be observed");
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter("info,lease_runtime=debug,kube_client=off")
        .init();
    let mut args = std::env::args().skip(1);
    let guarded = match args.next().as_deref() {
        Some("guarded") => true,
        Some("bare") => false,
        other => panic!("expected `guarded` or `bare`, and not {other:?}"),
    };
    let settings = Arc::new(Settings::from_args(args).expect("the settings can be read"));
    let triggered = Arc::new(AtomicBool::new(false));
    let mut signals = signal(SignalKind::user_defined1()).expect("no signals");
    tokio::spawn({
        let triggered = triggered.clone();
        async move {
            while signals.recv().await.is_some() {
                triggered.store(true, Ordering::SeqCst);
            }
        }
    });
    match stand(Work { guarded, settings, triggered }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn stand(work: Work) -> Result<(), lease_runtime::Error> {
    const LEASE: LeaseSpec = LeaseSpec::new("operator");
    let candidate = Candidate::from_env().await?;
    let settings = work.settings.clone();
    let task = LeaderTask::new("work", LEASE, move |term| operate(term, work.clone()))
        .lease(settings.lease.clone())
        .lease_duration(settings.timing.lease_duration)
        .renew_deadline(settings.timing.renew_deadline)
        .retry_period(settings.timing.retry_period)
        .grace(settings.grace)
        .on_overrun(settings.on_overrun);
    candidate.add(task);
    let pen = pen(candidate.identity());
    let ready = async move {
        pen.write("ready", 0, "");
    };
    futures_util::future::join(candidate.run_until(shutdown_signal()), ready).await.0
}

fn pen(identity: &str) -> Pen {
    let path = std::env::var_os("REPLICA_LOG").expect("REPLICA_LOG must be the path of the event log");
    Pen::open(path.as_ref(), identity).expect("the event log cannot be opened")
}

async fn operate(term: Term, work: Work) -> Result<(), kube::Error> {
    let scribe = Arc::new(Scribe { pen: pen(term.identity()), token: term.fencing_token().get() });
    scribe.write("started", "");
    let _gone = Gone(scribe.clone());
    let objects = Api::<ConfigMap>::default_namespaced(Client::try_default().await?);
    let controller = Controller::new(objects, watcher::Config::default()).graceful_shutdown_on(term.cancelled_owned());
    let guarded = work.guarded;
    let context = Arc::new(Reconciling { work, scribe });
    if guarded {
        controller.run(term.reconciler(reconcile), |_, _, _| RETRY, context).for_each(ended).await;
    } else {
        controller.run(reconcile, |_, _, _| RETRY, context).for_each(ended).await;
    }
    Ok(())
}

const RETRY: Action = Action::await_change();

async fn ended<T, E: std::error::Error>(result: Result<T, E>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a reconcile ended");
    }
}

async fn reconcile(object: Arc<ConfigMap>, context: Arc<Reconciling>) -> Result<Action, Never> {
    let Reconciling { work, scribe } = &*context;
    let (settings, name) = (&work.settings, object.name_any());
    loop {
        scribe.write("reconciling", &name);
        if let Trick::Block(span) = settings.trick
            && work.triggered.swap(false, Ordering::SeqCst)
        {
            scribe.write("acting", &name);
            block(span, settings.beat, || scribe.write("reconciling", &name));
        }
        tokio::time::sleep(settings.beat).await;
    }
}

/// Blocks the thread, which no async function should do.
fn block(span: Duration, beat: Duration, go_on: impl Fn()) {
    let begun = now();
    while now().since(begun) < span {
        std::thread::sleep(beat);
        go_on();
    }
}

/// Logs the end of the body, for any reason.
struct Gone(Arc<Scribe>);

impl Drop for Gone {
    fn drop(&mut self) {
        let Gone(scribe) = self;
        scribe.write("stopped", "");
    }
}
