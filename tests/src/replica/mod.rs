//! A replica: an OS process that takes part in an election, and its settings.
//!
//! The process is `bins/replica`. It writes these events to the [event log](crate::log):
//!
//! | event | when | detail |
//! |---|---|---|
//! | `ready` | it takes part, and handles signals | |
//! | `started` | its body begins | |
//! | `beat` | its body works, every few milliseconds | |
//! | `child`, `blocking`, `thread` | something that the body has started works | |
//! | `cancelled` | the body is asked to end | the reason |
//! | `acting` | the body carries out the trick that SIGUSR1 asks for | the trick |
//! | `available`, `unavailable` | it may take part, or not: SIGUSR2 changes that | |
//! | `stopped` | the body is gone | `returned`, `dropped` or `panicked` |
//! | `exited` | the process ends | `ok`, or the error |
//!
//! A replica with several leases names the lease in each event of a body.

mod process;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_runtime::{OnExhausted, OnLoss, OnOverrun};

pub use self::process::Replica;
use crate::ticks::TickTask;

/// The timings that most scenarios use: as short as whole seconds allow, with room for a busy machine.
pub const SHORT: Timing = Timing {
    lease_duration: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry_period: Duration::from_millis(400),
};

/// Timings for scenarios in which a term must not end. With these, an API server that does not answer for three seconds, as on
/// a busy machine, does not end it.
pub const STEADY: Timing = Timing {
    lease_duration: Duration::from_secs(9),
    renew_deadline: Duration::from_secs(6),
    retry_period: Duration::from_millis(1200),
};

/// Timings for scenarios that must not depend on the expiry of a lease.
pub const LONG: Timing = Timing {
    lease_duration: Duration::from_secs(20),
    renew_deadline: Duration::from_secs(12),
    retry_period: Duration::from_millis(800),
};

/// How the body behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manners {
    /// Ends when it is asked to end.
    Good,
    /// Continues when it is asked to end.
    Ignores,
    /// Continues when it is asked to end, and panics when it is dropped.
    PanicsInDrop,
    /// Starts a future and a closure that never end by themselves, and ends when it is asked to.
    Children,
    /// Starts a thread without the library. The thread runs until the process ends.
    Thread,
}

/// What the body does on SIGUSR1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trick {
    /// Nothing.
    None,
    /// Blocks in a poll for this long, and continues to write beats.
    Block(Duration),
    /// Panics.
    Panic,
    /// Fails.
    Fail,
    /// Returns.
    Return,
    /// Steps down.
    StepDown,
    /// The program drops the tokio runtime of the body, and continues.
    DropRuntime,
}

/// The destination of its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sink {
    /// To standard error.
    Fine,
    /// To standard error. After SIGUSR1, each line blocks forever.
    Blocks,
    /// To standard error. After SIGUSR1, each line panics.
    Panics,
    /// To standard error. Each line takes this long.
    Slow(Duration),
    /// To a pipe that is not read. SIGUSR1 fills it. Standard output and standard error are the same pipe.
    Pipe,
}

/// The thread of its elections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host {
    /// The elector's thread.
    Thread,
    /// The runtime of the bodies, which has one thread: a body that blocks also stops the elections.
    Bodies,
}

/// The settings of a replica.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The lease.
    pub lease: String,
    /// How many leases it has instead of one, each with a task and with a number after its name. 0 for one lease.
    pub shards: usize,
    /// How often a body writes a beat.
    pub beat: Duration,
    /// Its timings.
    pub timing: Timing,
    /// The body's grace.
    pub grace: Duration,
    /// The body.
    pub manners: Manners,
    /// What SIGUSR1 does.
    pub trick: Trick,
    /// What happens when a body blocks for too long.
    pub on_overrun: OnOverrun,
    /// How often within a minute a failing body runs again.
    pub restarts: u32,
    /// What happens if it fails more often.
    pub on_exhausted: OnExhausted,
    /// What the process does when a lease is lost.
    pub on_loss: OnLoss,
    /// Where its log goes.
    pub sink: Sink,
    /// Where its elections run.
    pub host: Host,
    /// Scheduled tasks, in addition to the continuous one.
    pub tasks: Vec<TickTask>,
}

impl Settings {
    /// A well-behaved replica.
    pub fn new(lease: &str) -> Settings {
        Settings {
            lease: lease.to_owned(),
            shards: 0,
            beat: Duration::from_millis(12),
            timing: SHORT,
            grace: Duration::from_secs(1),
            manners: Manners::Good,
            trick: Trick::None,
            on_overrun: OnOverrun::Abort,
            restarts: 5,
            on_exhausted: OnExhausted::Resign,
            on_loss: OnLoss::Reelect,
            sink: Sink::Fine,
            host: Host::Thread,
            tasks: Vec::new(),
        }
    }

    /// The names of the leases.
    pub fn leases(&self) -> Vec<String> {
        match self.shards {
            0 => vec![self.lease.clone()],
            shards => (0..shards).map(|shard| format!("{}-{shard}", self.lease)).collect(),
        }
    }

    /// The settings as arguments of the program.
    pub fn to_args(&self) -> Vec<String> {
        let millis = |span: Duration| span.as_millis().to_string();
        let trick = match self.trick {
            Trick::None => "none".to_owned(),
            Trick::Block(span) => format!("block:{}", millis(span)),
            Trick::Panic => "panic".to_owned(),
            Trick::Fail => "fail".to_owned(),
            Trick::Return => "return".to_owned(),
            Trick::StepDown => "step-down".to_owned(),
            Trick::DropRuntime => "drop-runtime".to_owned(),
        };
        let manners = match self.manners {
            Manners::Good => "good",
            Manners::Ignores => "ignores",
            Manners::PanicsInDrop => "panics-in-drop",
            Manners::Children => "children",
            Manners::Thread => "thread",
        };
        let on_exhausted = match self.on_exhausted {
            OnExhausted::Resign => "resign",
            OnExhausted::Exit => "exit",
            OnExhausted::Stop => "stop",
            other => unreachable!("{other:?} has no name here"),
        };
        let on_loss = if self.on_loss == OnLoss::Exit { "exit" } else { "reelect" };
        let on_overrun = if self.on_overrun == OnOverrun::Report { "report" } else { "abort" };
        let sink = match self.sink {
            Sink::Fine => "fine".to_owned(),
            Sink::Blocks => "blocks".to_owned(),
            Sink::Panics => "panics".to_owned(),
            Sink::Slow(span) => format!("slow:{}", millis(span)),
            Sink::Pipe => "pipe".to_owned(),
        };
        let host = if self.host == Host::Bodies { "bodies" } else { "thread" };
        let mut args = vec![
            format!("lease={}", self.lease),
            format!("shards={}", self.shards),
            format!("beat={}", millis(self.beat)),
            format!("lease-duration={}", millis(self.timing.lease_duration)),
            format!("renew-deadline={}", millis(self.timing.renew_deadline)),
            format!("retry-period={}", millis(self.timing.retry_period)),
            format!("grace={}", millis(self.grace)),
            format!("manners={manners}"),
            format!("trick={trick}"),
            format!("on-overrun={on_overrun}"),
            format!("restarts={}", self.restarts),
            format!("on-exhausted={on_exhausted}"),
            format!("on-loss={on_loss}"),
            format!("sink={sink}"),
            format!("host={host}"),
        ];
        args.extend(self.tasks.iter().map(TickTask::to_arg));
        args
    }

    /// Reads [`to_args`](Settings::to_args).
    ///
    /// # Errors
    ///
    /// If an argument is unknown.
    pub fn from_args(args: impl IntoIterator<Item = String>) -> Result<Settings, String> {
        let mut settings = Settings::new("");
        for arg in args {
            let unknown = || format!("no such setting: {arg}");
            let (key, value) = arg.split_once('=').ok_or_else(unknown)?;
            match key {
                "lease" => settings.lease = value.to_owned(),
                "shards" => settings.shards = number(value)?,
                "beat" => settings.beat = millis(value)?,
                "lease-duration" => settings.timing.lease_duration = millis(value)?,
                "renew-deadline" => settings.timing.renew_deadline = millis(value)?,
                "retry-period" => settings.timing.retry_period = millis(value)?,
                "grace" => settings.grace = millis(value)?,
                "manners" => {
                    settings.manners = match value {
                        "good" => Manners::Good,
                        "ignores" => Manners::Ignores,
                        "panics-in-drop" => Manners::PanicsInDrop,
                        "children" => Manners::Children,
                        "thread" => Manners::Thread,
                        _ => return Err(unknown()),
                    };
                }
                "trick" => {
                    settings.trick = match value.split_once(':') {
                        Some(("block", span)) => Trick::Block(millis(span)?),
                        _ => match value {
                            "none" => Trick::None,
                            "panic" => Trick::Panic,
                            "fail" => Trick::Fail,
                            "return" => Trick::Return,
                            "step-down" => Trick::StepDown,
                            "drop-runtime" => Trick::DropRuntime,
                            _ => return Err(unknown()),
                        },
                    };
                }
                "on-overrun" => {
                    settings.on_overrun = if value == "report" { OnOverrun::Report } else { OnOverrun::Abort };
                }
                "restarts" => settings.restarts = number(value)?,
                "on-exhausted" => {
                    settings.on_exhausted = match value {
                        "resign" => OnExhausted::Resign,
                        "exit" => OnExhausted::Exit,
                        "stop" => OnExhausted::Stop,
                        _ => return Err(unknown()),
                    };
                }
                "task" => settings.tasks.push(TickTask::parse(value).ok_or_else(unknown)?),
                "sink" => {
                    settings.sink = match value.split_once(':') {
                        Some(("slow", span)) => Sink::Slow(millis(span)?),
                        _ => match value {
                            "fine" => Sink::Fine,
                            "blocks" => Sink::Blocks,
                            "panics" => Sink::Panics,
                            "pipe" => Sink::Pipe,
                            _ => return Err(unknown()),
                        },
                    };
                }
                "host" => settings.host = if value == "bodies" { Host::Bodies } else { Host::Thread },
                "on-loss" => settings.on_loss = if value == "exit" { OnLoss::Exit } else { OnLoss::Reelect },
                _ => return Err(unknown()),
            }
        }
        Ok(settings)
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    number(text).map(Duration::from_millis)
}

fn number<N: FromStr<Err: fmt::Display>>(text: &str) -> Result<N, String> {
    N::from_str(text).map_err(|error| format!("{text:?} is not a number ({error})"))
}
