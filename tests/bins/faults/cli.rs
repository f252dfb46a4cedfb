//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Context, Result};

pub(crate) const USAGE: &str = "\
usage: faults [--faults N | --soak TIME] [--seed N] [--replicas N] [--logs DIR] [--only KIND]

  --faults N    how many faults (60 if not given)
  --soak TIME   instead of that: replicas that live for TIME (90s, 30m), and whether they grow
  --seed N      the seed of an earlier run, which repeats its plan
  --replicas N  how many candidates there are (5 if not given, 3 for --soak)
  --only KIND   only faults of this kind; can be given more than once
  --logs DIR    leaves the logs of the replicas and the events in this folder";

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Run {
    /// This many faults.
    Faults(usize),
    /// Replicas that live for this long.
    Soak(Duration),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Options {
    pub(crate) run: Run,
    pub(crate) seed: u64,
    pub(crate) replicas: usize,
    pub(crate) logs: Option<PathBuf>,
    /// The names of the only faults. Empty for all.
    pub(crate) only: Vec<String>,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
        let (mut run, mut replicas) = (Run::Faults(60), None);
        let mut options =
            Options { run, seed: u64::from(fastrand::u32(..)), replicas: 0, logs: None, only: Vec::new() };
        while let Some(argument) = arguments.next() {
            let value = arguments.next().ok_or(format!("{argument} needs a value, or does not exist\n{USAGE}"))?;
            let context = || format!("{argument} {value}");
            match argument.as_str() {
                "--faults" => run = Run::Faults(value.parse().context(context)?),
                "--soak" => run = Run::Soak(time(&value).context(context)?),
                "--seed" => options.seed = value.parse().context(context)?,
                "--replicas" => replicas = Some(value.parse::<usize>().context(context)?.clamp(2, 9)),
                "--only" => options.only.push(value),
                "--logs" => options.logs = Some(value.into()),
                _ => return Err(format!("{argument} does not exist\n{USAGE}").into()),
            }
        }
        let usual = if matches!(run, Run::Soak(_)) { 3 } else { 5 };
        Ok(Options { run, replicas: replicas.unwrap_or(usual), ..options })
    }
}

/// `90s` or `30m`.
fn time(text: &str) -> Result<Duration> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write it as 90s, 30m or 2h".into()),
    };
    Ok(Duration::from_secs(number.parse::<u64>()? * seconds))
}
