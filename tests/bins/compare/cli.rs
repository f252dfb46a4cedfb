//! The command line.

use std::time::Duration;

use crate::error::{Context, Result};

pub(crate) const USAGE: &str = "\
usage: compare [ITEM..] [--runs N] [--window SECONDS] [--leases N] [--only ours|client-go] [--keep]

items: graceful restart neighbour crash requests pause stopped hole refused slow; all of these if none is named
       crowd, only if it is named: it keeps the whole machine busy for 7 minutes
  --runs N          handovers, restarts and crashes of each kind (30, 30 and 40 if not given; the targets are for these)
  --window SECONDS  how long requests are counted (300 if not given, which holds one whole life of a watch)
  --leases N        the size of the crowd (1, 100 and 1000, one after the other, if not given)
  --only KIND       measure one side only
  --keep            leave the processes' logs and event files, and say where they are";

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// SIGTERM to the successor's body.
    Graceful,
    /// SIGKILL to the body of the next process in the same pod.
    Restart,
    /// SIGKILL to the body of a process that waits on the same machine.
    Neighbour,
    /// SIGKILL to the successor's body.
    Crash,
    /// Requests a minute.
    Requests,
    /// A leader that was stopped and continued.
    Pause,
    /// A leader that was stopped, beside a process in its state directory.
    Stopped,
    /// A leader whose link swallows everything.
    Hole,
    /// The API is refused to all.
    Refused,
    /// Writes that take seconds and succeed.
    Slow,
    /// Many leases in one process, on a busy machine.
    Crowd,
}

impl Item {
    /// What is measured if no item is named: all but [`Item::Crowd`].
    const USUAL: [Item; 10] = [
        Item::Graceful,
        Item::Restart,
        Item::Neighbour,
        Item::Crash,
        Item::Requests,
        Item::Pause,
        Item::Stopped,
        Item::Hole,
        Item::Refused,
        Item::Slow,
    ];

    fn named(name: &str) -> Option<Item> {
        Item::USUAL.into_iter().chain([Item::Crowd]).find(|item| item.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Item::Graceful => "graceful",
            Item::Restart => "restart",
            Item::Neighbour => "neighbour",
            Item::Crash => "crash",
            Item::Requests => "requests",
            Item::Pause => "pause",
            Item::Stopped => "stopped",
            Item::Hole => "hole",
            Item::Refused => "refused",
            Item::Slow => "slow",
            Item::Crowd => "crowd",
        }
    }
}

/// The kinds of candidates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// `lease-runtime`.
    Ours,
    /// The contender.
    ClientGo,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::Ours, Kind::ClientGo];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ours => "ours",
            Kind::ClientGo => "client-go",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) items: Vec<Item>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) graceful_runs: usize,
    pub(crate) crash_runs: usize,
    pub(crate) window: Duration,
    pub(crate) crowds: Vec<usize>,
    pub(crate) keep: bool,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
        let mut options = Options {
            items: Vec::new(),
            kinds: Kind::ALL.to_vec(),
            graceful_runs: 30,
            crash_runs: 40,
            window: Duration::from_secs(300),
            crowds: vec![1, 100, 1000],
            keep: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "--runs" => {
                    let runs = value()?.parse::<usize>().context(|| "--runs".to_owned())?.max(1);
                    (options.graceful_runs, options.crash_runs) = (runs, runs);
                }
                "--window" => {
                    let seconds = value()?.parse::<u64>().context(|| "--window".to_owned())?.max(1);
                    options.window = Duration::from_secs(seconds);
                }
                "--leases" => {
                    options.crowds = vec![value()?.parse::<usize>().context(|| "--leases".to_owned())?.max(1)];
                }
                "--only" => {
                    let name = value()?;
                    options.kinds.retain(|kind| kind.name() == name);
                    if options.kinds.is_empty() {
                        return Err(format!("--only takes `ours` or `client-go`, not `{name}`").into());
                    }
                }
                "--keep" => options.keep = true,
                name => match Item::named(name) {
                    Some(item) => options.items.push(item),
                    None => return Err(format!("`{name}` is not an item and not an option\n{USAGE}").into()),
                },
            }
        }
        if options.items.is_empty() {
            options.items = Item::USUAL.to_vec();
        }
        Ok(options)
    }
}
