//! Counterexamples for people to read: one line per step.

use std::fmt::Write;

use lease_protocol::election::{Answer, Observation, Record, Request, View};
use stateright::Path;

use super::node::{NOW, Node, record_of};
use super::world::{Happening, World};

/// Each line contains the event, and then the world after it.
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
        let mut line = match &self.server.object {
            Some(view) => format!("server {}", brief(view)),
            None => format!("server none r{}", self.server.revision),
        };
        for (node, name) in self.nodes.iter().zip(["A", "B", "C"]) {
            let _ = write!(line, " | {name} {}", node.line());
        }
        for orphan in &self.orphans {
            let _ = write!(line, " | given up: {}", ask(orphan));
        }
        if !self.dead.is_empty() {
            let _ = write!(line, " | dead: {}", self.dead.join(", "));
        }
        if let Some(rule) = self.broken {
            let _ = write!(line, " | {rule:?}");
        }
        line
    }
}

impl Node {
    fn line(&self) -> String {
        let mut line = format!("{:?}", self.core.role()).to_lowercase();
        if let Some(bodies) = &self.bodies {
            let _ = match bodies.over {
                true => write!(line, ", bodies stopped"),
                false => write!(line, ", bodies for {:?}", bodies.drop_at.after(NOW)),
            };
        }
        if let Some(until) = self.ghost {
            let _ = write!(line, ", bodies of its predecessor for {:?}", until.after(NOW));
        }
        if let Some(get) = &self.get {
            line.push_str(", gets");
            if let Some(observation) = &get.shown {
                let _ = write!(line, " -> {}", shown(observation));
            }
        }
        if let Some(write) = &self.write {
            let _ = match &write.request {
                Some(request) => write!(line, ", writes {}", ask(request)),
                None => write!(line, ", wrote"),
            };
            match &write.answer {
                Some(Answer::Committed(view)) => drop(write!(line, " -> {}", brief(view))),
                Some(Answer::Conflict) => line.push_str(" -> conflict"),
                _ => {}
            }
        }
        if let Some(observation) = &self.watched {
            let _ = write!(line, ", watch brings {}", shown(observation));
        }
        line
    }
}

fn brief(view: &View) -> String {
    format!("{} {} r{}", says(&view.record), view.version.uid, view.version.revision)
}

fn says(record: &Record) -> String {
    let renewed = record.renewed.map_or(0, |renewed| renewed.0 / 1_000_000);
    format!("[{} t{} +{renewed}]", record.holder().unwrap_or("-"), record.transitions.unwrap_or(0))
}

fn shown(observation: &Observation) -> String {
    match observation {
        Observation::Present(view) => brief(view),
        Observation::Missing { .. } => "none".to_owned(),
    }
}

fn ask(request: &Request) -> String {
    let record = record_of(request).map(says).unwrap_or_default();
    match request {
        Request::Replace { base, .. } => format!("{record} over {} r{}", base.uid, base.revision),
        _ => format!("{record} if none"),
    }
}
