//! Reads logs line by line, and hands each event to its lease and its replica.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::error::Error;
use crate::event::{self, Event, Line, What};
use crate::lease::Terms;
use crate::replica::{Holder, Replica};
use crate::report::{Place, Report, Rule};
use crate::runs::Runs;

/// The choices of a check.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// By how much the calendars of two replicas may differ, and a line may be late.
    pub tolerance: Duration,
}

impl Default for Settings {
    /// 100 milliseconds: for replicas on one machine, or with synchronized clocks.
    fn default() -> Settings {
        Settings { tolerance: Duration::from_millis(100) }
    }
}

/// A check of some logs. The lines of one replica must be in order, from the start of its process, within one file or in files that are
/// read one after the other. The replicas may be in any order.
#[derive(Default)]
pub struct Check {
    leases: HashMap<String, Lease>,
    report: Report,
}

#[derive(Default)]
struct Lease {
    terms: Terms,
    runs: Runs,
    replicas: HashMap<Rc<str>, Replica>,
}

impl Check {
    /// Reads a file to its end.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn file(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |cause| Error { path: path.to_owned(), cause };
        let file = File::open(path).map_err(failed)?;
        self.stream(&path.display().to_string(), BufReader::with_capacity(1 << 16, file)).map_err(failed)
    }

    /// Reads a stream to its end. `name` stands for it in violations.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn stream(&mut self, name: &str, mut stream: impl BufRead) -> io::Result<()> {
        let mut place = Place { file: name.into(), line: 0 };
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes)? > 0 {
            place.line += 1;
            self.line(&String::from_utf8_lossy(&bytes), &place);
            bytes.clear();
        }
        Ok(())
    }

    fn line(&mut self, text: &str, place: &Place) {
        self.report.lines += 1;
        match event::read(text) {
            Line::Foreign => {}
            Line::Unreadable => self.report.unreadable += 1,
            Line::Dropped(count) => {
                let what = format!("{count} lines were dropped, so what is missing here proves nothing");
                self.report.violates(Rule::Complete, place, what);
            }
            Line::Event(event) => {
                self.report.own += 1;
                self.event(event, place);
            }
        }
    }

    fn event(&mut self, event: Event<'_>, place: &Place) {
        let name = format!("{}/{}", event.namespace, event.lease);
        self.leases.entry(name).or_default().event(event, place, &mut self.report);
    }

    /// Compares the replicas, and returns what was found.
    pub fn finish(self, settings: Settings) -> Report {
        let Check { leases, mut report } = self;
        let tolerance = SignedDuration::try_from(settings.tolerance).unwrap_or(SignedDuration::MAX);
        for lease in leases.into_values() {
            report.leases += 1;
            report.replicas += lease.replicas.len() as u64;
            lease.terms.handovers(tolerance, &mut report);
            lease.runs.finish(&mut report);
            lease.replicas.into_values().for_each(|replica| replica.finish(tolerance, &mut report));
        }
        report.violations.sort_by(|a, b| a.place.cmp(&b.place));
        report
    }
}

impl Lease {
    fn event(&mut self, event: Event<'_>, place: &Place, report: &mut Report) {
        let Event { at, identity, what, .. } = event;
        let Lease { terms, runs, replicas } = self;
        let identity = match replicas.get_key_value(&*identity) {
            Some((identity, _)) => Rc::clone(identity),
            None => Rc::from(&*identity),
        };
        let replica = replicas.entry(Rc::clone(&identity)).or_default();
        if what.is_of_the_election() {
            replica.said(at);
        }
        match what {
            What::Sent => replica.sent(),
            What::Answered { revision } => replica.answered(revision),
            What::Begun { term, until, from_dead } => {
                let before = replica.begun(term, place, report);
                let before = if from_dead { Holder::Dead } else { before };
                terms.begin(term, &identity, (at, until), before, place, report);
            }
            What::Renewed { term, until } => {
                report.renewals += 1;
                replica.within(term, "the replica renews", place, report);
                terms.renew(term, &identity, until);
            }
            What::Ending { term } => replica.within(term, "the replica gives up or loses", place, report),
            What::Ended { term, at: ended } => {
                replica.ended(term, place, report);
                terms.end(term, &identity, ended.unwrap_or(at), place);
            }
            What::Held => replica.sees(Holder::Another),
            What::Free => replica.sees(Holder::Nobody),
            What::Failed => replica.failed(),
            What::Released => replica.released(place, report),
            What::TaskStarted { term } => replica.started((&identity, term), at, place, terms, report),
            What::TickStarted(start) => {
                replica.started((&identity, start.term), at, place, terms, report);
                runs.start(&start, place);
            }
            What::GivenBack(start) => runs.given_back(&start),
            What::Other => {}
        }
    }
}
