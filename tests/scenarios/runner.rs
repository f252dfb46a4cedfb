//! Runs the scenarios, a few at the same time. The command line is that of `cargo test`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use lease_tests::cluster::{Cluster, Real};
use lease_tests::log::now;
use lease_tests::world::World;

/// How many scenarios run at the same time, unless `--test-threads` is given. They wait most of the time.
const SIDE_BY_SIDE: usize = 4;
/// A scenario that takes longer has failed.
const TOO_LONG: Duration = Duration::from_secs(300);

/// One entry of the list.
pub(crate) struct Scenario {
    name: &'static str,
    on: On,
    alone: bool,
    needs_control: bool,
    needs_contender: bool,
    run: Run,
}

#[derive(Clone)]
enum Run {
    InWorld(Arc<dyn Fn(Arc<World>) -> LocalBoxFuture<'static, ()> + Send + Sync>),
    /// No processes, no API server: a function that keeps a thread busy.
    Plain(fn()),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Both,
    Embedded,
    Real,
    Nothing,
}

/// A scenario for both API servers.
pub(crate) fn scenario<F, Fut>(name: &'static str, run: F) -> Scenario
where
    F: Fn(Arc<World>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let run = Run::InWorld(Arc::new(move |world| run(world).boxed_local()));
    Scenario { name, on: On::Both, alone: false, needs_control: false, needs_contender: false, run }
}

/// A scenario without an API server.
pub(crate) fn plain(name: &'static str, run: fn()) -> Scenario {
    let run = Run::Plain(run);
    Scenario { name, on: On::Nothing, alone: false, needs_control: false, needs_contender: false, run }
}

impl Scenario {
    /// Needs a hook of the embedded API.
    pub(crate) fn on_embedded(self) -> Scenario {
        Scenario { on: On::Embedded, ..self }
    }

    /// Needs a feature that only a real API server has.
    pub(crate) fn on_real(self) -> Scenario {
        Scenario { on: On::Real, ..self }
    }

    /// Stops and starts the API server, so it needs one that the tests have started.
    pub(crate) fn needs_control(self) -> Scenario {
        Scenario { needs_control: true, ..self }
    }

    /// Runs beside a candidate on client-go, which only knows a real API server.
    pub(crate) fn needs_contender(self) -> Scenario {
        Scenario { on: On::Real, needs_contender: true, ..self }
    }

    /// Disturbs the API server or the machine, so it runs alone.
    pub(crate) fn alone(self) -> Scenario {
        Scenario { alone: true, ..self }
    }
}

/// A scenario on an API server.
struct Case {
    name: String,
    real: Option<Arc<Real>>,
    alone: bool,
    run: Run,
}

struct Asked {
    filters: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    only_ignored: bool,
    side_by_side: usize,
}

impl Asked {
    fn from_args() -> Asked {
        let mut asked = Asked {
            filters: Vec::new(),
            skip: Vec::new(),
            exact: false,
            list: false,
            only_ignored: false,
            side_by_side: SIDE_BY_SIDE,
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let (key, mut value) = match arg.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                None => (arg.clone(), None),
            };
            match key.as_str() {
                "--exact" => asked.exact = true,
                "--list" => asked.list = true,
                "--ignored" => asked.only_ignored = true,
                "--skip" => asked.skip.extend(value.take().or_else(|| args.next())),
                "--test-threads" => {
                    let number = value.take().or_else(|| args.next()).and_then(|number| number.parse().ok());
                    asked.side_by_side = number.unwrap_or(SIDE_BY_SIDE).max(1);
                }
                "--format" | "--color" | "--logfile" | "-Z" if value.is_none() => drop(args.next()),
                _ if arg.starts_with('-') => {}
                _ => asked.filters.push(arg),
            }
        }
        asked
    }

    fn wants(&self, name: &str) -> bool {
        let fits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        !self.only_ignored && (self.filters.is_empty() || self.filters.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

thread_local! {
    /// The message and the place of the latest panic on this thread.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

pub(crate) fn run(scenarios: Vec<Scenario>) -> ExitCode {
    let asked = Asked::from_args();
    let real = Real::from_env();
    let (cases, uncovered) = cases(scenarios, real, &asked);
    if asked.list {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    std::panic::set_hook(Box::new(|info| {
        let message = match (info.payload().downcast_ref::<&str>(), info.payload().downcast_ref::<String>()) {
            (Some(message), _) => (*message).to_owned(),
            (_, Some(message)) => message.clone(),
            _ => "a value that is not text".to_owned(),
        };
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PANIC.set(format!("{message}\n  at {place}"));
        eprintln!("panicked at {place}: {}", message.lines().next().unwrap_or_default());
    }));
    println!("\nrunning {} scenarios", cases.len());
    if uncovered > 0 {
        println!(
            "scenarios: {uncovered} not covered, because they need a real API server: run them with \
             `tests/kube-apiserver/run cargo test`"
        );
    }
    let begun = now();
    let failed = run_all(cases, asked.side_by_side);
    let seconds = now().since(begun).as_secs_f64();
    for (name, why) in &failed {
        println!("\n---- {name}\n{why}");
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    println!("\nscenarios: {result}. {} failed; finished in {seconds:.1}s\n", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// The cases to run, and how many cannot run without a real API server.
fn cases(scenarios: Vec<Scenario>, real: Option<Arc<Real>>, asked: &Asked) -> (Vec<Case>, usize) {
    let mut cases = Vec::new();
    let mut uncovered = 0;
    for scenario in scenarios {
        let Scenario { name, on, alone, needs_control, needs_contender, run } = scenario;
        let real = real.as_ref().filter(|real| !needs_control || real.control.is_some());
        let real = real.filter(|real| !needs_contender || real.contender.is_some());
        let mut case = |api: &str, real: Option<Arc<Real>>, alone: bool| {
            let name = if api.is_empty() { name.to_owned() } else { format!("{api}::{name}") };
            if asked.wants(&name) {
                cases.push(Case { name, real, alone, run: run.clone() });
            }
        };
        match on {
            On::Nothing => case("", None, alone),
            On::Both | On::Embedded => case("embedded", None, false),
            On::Real => {}
        }
        if on == On::Both || on == On::Real {
            match real {
                Some(real) => case("real", Some(real.clone()), alone),
                None => uncovered += usize::from(asked.wants(&format!("real::{name}"))),
            }
        }
    }
    (cases, uncovered)
}

/// Runs all cases, and returns those that failed, with a report.
fn run_all(cases: Vec<Case>, side_by_side: usize) -> Vec<(String, String)> {
    let failed = Mutex::new(Vec::new());
    let (plain, in_world): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| matches!(case.run, Run::Plain(_)));
    let (alone, together): (Vec<Case>, Vec<Case>) = in_world.into_iter().partition(|case| case.alone);
    let work = |queue: &Mutex<VecDeque<Case>>| {
        while let Some(case) = next(queue) {
            if let Err(why) = attend(&case) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push((case.name, why));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // These compute without a pause. They get a low priority, because in the other scenarios a late
            // answer may lose a lease. An error is ignored: then all have the same priority.
            let _ = rustix::process::nice(19);
            work(&Mutex::new(plain.into()));
        });
        for (cases, side_by_side) in [(together, side_by_side), (alone, 1)] {
            let queue = Mutex::new(cases.into());
            std::thread::scope(|scope| (0..side_by_side).for_each(|_| drop(scope.spawn(|| work(&queue)))));
        }
    });
    let mut failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.sort();
    failed
}

fn next(queue: &Mutex<VecDeque<Case>>) -> Option<Case> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Runs one and says how it ended.
fn attend(case: &Case) -> Result<(), String> {
    let begun = now();
    // Each case has a thread and a runtime, so that everything it started ends with it, including processes.
    let end = std::thread::scope(|scope| {
        let thread = scope.spawn(|| match &case.run {
            Run::Plain(run) => catch_unwind(run).map_err(|_| PANIC.take()),
            Run::InWorld(run) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("no runtime");
                tokio::task::LocalSet::new().block_on(&runtime, in_world(case, &**run))
            }
        });
        thread.join().unwrap_or_else(|_| Err("the runner itself panicked".to_owned()))
    });
    let seconds = now().since(begun).as_secs_f64();
    println!("test {} ... {} ({seconds:.1}s)", case.name, if end.is_ok() { "ok" } else { "FAILED" });
    end
}

async fn in_world(case: &Case, run: &dyn Fn(Arc<World>) -> LocalBoxFuture<'static, ()>) -> Result<(), String> {
    let short = case.name.rsplit("::").next().unwrap_or_default().replace('_', "-");
    let namespace =
        format!("{}-{:06x}", short.get(..short.len().min(50)).unwrap_or_default(), fastrand::u32(..1 << 24));
    let cluster = async {
        match &case.real {
            None => Cluster::embedded(&namespace).await,
            Some(real) => Cluster::real(real, &namespace).await,
        }
    };
    let cluster = AssertUnwindSafe(cluster).catch_unwind().await.map_err(|_| PANIC.take())?;
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scenarios").join(case.name.replace("::", "-"));
    let world = Arc::new(World::new(cluster, Path::new(env!("CARGO_BIN_EXE_replica")), dir));
    let all = async {
        run(world.clone()).await;
        world.finish().await;
        world.check();
    };
    let end = tokio::time::timeout(TOO_LONG, AssertUnwindSafe(all).catch_unwind()).await;
    let failure = match end {
        Ok(Ok(())) => {
            let _ = std::fs::remove_dir_all(&world.dir);
            return Ok(());
        }
        Ok(Err(_)) => PANIC.take(),
        Err(_) => format!("not finished after {TOO_LONG:?}"),
    };
    // Checks the invariants also if the scenario has failed, because a violation may be the cause.
    let also = catch_unwind(AssertUnwindSafe(|| world.check())).map_or_else(|_| PANIC.take(), |()| String::new());
    Err(format!("{failure}\n{also}\n{}", world.report()))
}
