//! The candidate: a process with a continuous task and a scheduled one, or `exec` with a program.
//!
//! Its events, in the form of `lease_tests::log`:
//!
//! | event | when | detail |
//! |---|---|---|
//! | `ready` | it takes part | |
//! | `started`, `cancelled`, `stopped` | its body begins, is asked to end, is gone | |
//! | `enter`, `leave` | before and after an effect, in one poll | |
//! | `refused` | the target has refused a write, because it has seen a higher token | |
//! | `target-failed` | the target did not answer | the error |
//! | `stopping` | it stops itself inside a poll | |
//! | `tick`, `tick-ended` | a run of the scheduled task begins, is gone | as in `lease_tests::ticks` |
//! | `tasks` | every second | its role, and how many tasks its runtime has |
//! | `exited` | the process ends | `ok`, or the error |

mod body;
mod orders;
pub(crate) mod program;
mod tick;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lease_runtime::{Candidate, LeaderTask, OnOverrun, shutdown_signal};
use lease_tests::log::Pen;
use lease_tests::program::{Arguments, CANDIDATE};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use self::orders::Orders;
use crate::error::{Context, Error, Result};
use crate::role::{Role, Tasks};
use crate::target::{Access, Address};

/// The name of the scheduled task.
pub(crate) const TICK: &str = "tick";

/// What a process is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub(crate) enum Form {
    /// A program with `#[leader_only]`.
    Attribute,
    /// `exec` of this command line, with the program that follows.
    Exec(PathBuf),
    /// What `exec` runs.
    Program,
}

/// The pod of a candidate that leads traffic.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) ip: String,
}

/// What a candidate is told. The cluster comes from `KUBECONFIG`.
#[derive(Clone, Serialize, Deserialize, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) form: Form,
    pub(crate) lease: String,
    /// Candidates may differ in this, as during a rolling update.
    pub(crate) lease_duration: Duration,
    /// The deployment sets the timings, and not the program.
    pub(crate) deployed: bool,
    /// If it leads traffic, by its label and by the Service of the name of the lease. It then writes Events of Kubernetes, too.
    pub(crate) pod: Option<Pod>,
    /// Whether a poll that lasts too long is only reported. Then its effect reaches the target, which has to refuse it.
    pub(crate) only_reports: bool,
    /// The file to which all candidates append their events.
    pub(crate) events: PathBuf,
    /// The file of its log, in JSON.
    pub(crate) log: PathBuf,
    /// The directory in which all candidates find out who is dead.
    pub(crate) state_dir: PathBuf,
    pub(crate) target: Address,
}

impl Settings {
    /// The variables by which a deployment configures the candidate.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("LEASE_EVENTS", if self.pod.is_some() { "on" } else { "off" }.to_owned()),
            ("LEASE_STATE_DIR", self.state_dir.display().to_string()),
        ];
        if self.deployed {
            let names = ["LEASE_DURATION", "LEASE_RENEW_DEADLINE", "LEASE_RETRY_PERIOD"];
            let spans = timings(self.lease_duration).map(|span| format!("{}ms", span.as_millis()));
            variables.extend(names.into_iter().zip(spans));
        }
        if let Some(Pod { namespace, uid, ip }) = &self.pod {
            let own = [("POD_NAMESPACE", namespace), ("POD_UID", uid), ("POD_IP", ip)];
            variables.extend(own.map(|(name, value)| (name, value.clone())));
        }
        variables
    }

    /// What the settings say about the lease of a task.
    fn apply<T>(&self, mut task: LeaderTask<T>) -> LeaderTask<T> {
        task = task.lease(self.lease.clone());
        if !self.deployed {
            let [duration, renew, retry] = timings(self.lease_duration);
            task = task.lease_duration(duration).renew_deadline(renew).retry_period(retry);
        }
        if self.pod.is_some() {
            task = task.leader_label().leader_service(self.lease.clone());
        }
        task
    }
}

/// What the bodies of a candidate use.
struct Desk {
    pen: Pen,
    orders: Orders,
    target: Access,
    /// How many bodies of the continuous task there are.
    bodies: AtomicU64,
    /// How many bodies of the scheduled task there are.
    runs: AtomicU64,
}

pub(crate) async fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let settings = arguments.next().unwrap_or_default();
    let settings: Settings = serde_json::from_str(&settings).context(|| "settings of a candidate".to_owned())?;
    match &settings.form {
        Form::Attribute => take_part(settings).await,
        Form::Exec(cli) => Err(become_exec(cli, &settings)),
        // Only `exec` and its guard end it: it must not die with its parent for another reason.
        Form::Program => program::run(&settings).await,
    }
}

async fn take_part(settings: Settings) -> Result<ExitCode> {
    die_with_the_run()?;
    // First, so that a signal that comes early shuts it down, too.
    let signal = shutdown_signal();
    log_to(&settings)?;
    let candidate = Candidate::builder().build().await?;
    let pen = Pen::open(&settings.events, candidate.identity())?;
    let exit = Pen::open(&settings.events, candidate.identity())?;
    let target = settings.target.connect().await?;
    let (bodies, runs) = (AtomicU64::new(0), AtomicU64::new(0));
    let desk = Arc::new(Desk { pen, orders: Orders::from_stdin(), target, bodies, runs });
    let on_overrun = if settings.only_reports { OnOverrun::Report } else { OnOverrun::Abort };
    candidate.add(settings.apply(body::work(desk.clone()).on_overrun(on_overrun)));
    candidate.add(settings.apply(tick::tick(desk.clone()).name(TICK)));
    tokio::spawn(count_tasks(desk.clone()));
    let ready = async {
        // This is polled after the candidate, which then handles signals.
        desk.pen.write("ready", 0, "");
    };
    let (end, ()) = futures_util::future::join(candidate.run_until(signal), ready).await;
    exit.write("exited", 0, &end.as_ref().map_or_else(ToString::to_string, |()| "ok".to_owned()));
    end?;
    Ok(ExitCode::SUCCESS)
}

/// The lease duration, the renew deadline and the retry period. The renew deadline is close to the hard stop, so that bodies which
/// take their time come to the hard stop.
fn timings(duration: Duration) -> [Duration; 3] {
    [duration, duration.mul_f64(0.75), duration.mul_f64(0.125)]
}

/// Becomes `exec`, with this program once more as what it runs. Returns only if that cannot be.
fn become_exec(cli: &Path, settings: &Settings) -> Error {
    let program = Settings { form: Form::Program, ..settings.clone() };
    let become_it = || -> Result<Error> {
        // It remains when the process becomes another program.
        die_with_the_run()?;
        let mut command = Command::new(cli);
        command.args(["exec", "--lease", &settings.lease, "--grace", "1s", "--"]).arg(std::env::current_exe()?);
        command.arg(CANDIDATE).arg(serde_json::to_string(&program)?);
        Ok(command.exec().into())
    };
    let error = become_it().unwrap_or_else(|error| error);
    format!("cannot become {}: {error}", cli.display()).into()
}

/// Ends with the run, so that no candidate remains if the run is killed.
fn die_with_the_run() -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

fn log_to(settings: &Settings) -> Result<()> {
    let file = std::fs::File::create(&settings.log).context(|| settings.log.display().to_string())?;
    let filter = EnvFilter::new("info,lease_runtime=trace");
    tracing_subscriber::fmt().json().with_writer(file).with_env_filter(filter).init();
    Ok(())
}

async fn count_tasks(desk: Arc<Desk>) {
    let metrics = tokio::runtime::Handle::current().metrics();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (bodies, runs) = (desk.bodies.load(Ordering::Relaxed), desk.runs.load(Ordering::Relaxed));
        let role = if bodies + runs > 0 { Role::Leader } else { Role::Follower };
        let count = (metrics.num_alive_tasks() as u64).saturating_sub(runs);
        desk.pen.write("tasks", 0, &Tasks { role, count }.to_string());
    }
}
