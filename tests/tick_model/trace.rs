//! Counterexamples for people to read: one line per step, with what happened, and then the world after it.

use std::fmt::Write;

use lease_protocol::ticks::TickRecord;
use stateright::Path;

use super::replica::{Replica, Standing};
use super::world::{Happening, World};

pub(crate) fn readable(path: Path<World, Happening>) -> String {
    let mut text = String::new();
    let mut happened = String::from("at the start");
    for (step, (world, next)) in path.into_vec().into_iter().enumerate() {
        let _ = writeln!(text, "{step:3} {happened:<15} | {}", world.line());
        if let Some(next) = next {
            happened = format!("{next:?}");
        }
    }
    text
}

impl World {
    fn line(&self) -> String {
        let mut line = format!("slot {}", self.slot);
        for text in self.lease.values() {
            let _ = write!(line, " {}", brief(text));
        }
        for (replica, name) in self.replicas.iter().zip(["A", "B"]) {
            let _ = write!(line, " | {name} {}", replica.line());
        }
        if let Some(orphan) = &self.orphan {
            let _ = write!(line, " | given up: {}", says(orphan.edits.values().flatten()));
        }
        if let Some(broken) = &self.broken {
            let _ = write!(line, " | {broken}");
        }
        line
    }
}

impl Replica {
    fn line(&self) -> String {
        let mut line = match self.term {
            Standing::Out => "out",
            Standing::Leading => "leads",
            Standing::Draining => "drains",
        }
        .to_owned();
        if self.stale {
            line.push_str(", has to get");
        }
        for run in &self.runs {
            let _ = write!(line, ", {:?} {}", run.progress, run.start.tick);
        }
        if let Some(write) = &self.write {
            let _ = write!(line, ", writes {}", says(write.edits.values().flatten()));
            line.push_str(if write.stored.is_some() { " (stored)" } else { "" });
        }
        line
    }
}

fn says<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.map(|text| brief(text)).collect::<Vec<_>>().join(" ")
}

/// `upto`, the open runs with their attempts, and the counts.
fn brief(text: &str) -> String {
    let Ok(record) = TickRecord::decode(text) else { return text.to_owned() };
    let number = |at| super::clock::since_start(at) as f64 / super::scope::PERIOD as f64;
    let open = record
        .open
        .iter()
        .map(|run| format!("{}#{}{}", number(run.tick), run.attempt, if run.unstarted { " unstarted" } else { "" }));
    let counts = format!("{} run, {} not", record.counts.run(), record.counts.not_run());
    format!("[upto {}, open {:?}, {counts}]", number(record.accounted_until), open.collect::<Vec<_>>())
}
