//! What must hold in the log of events, whatever has gone wrong. All stamps are of one clock, so the checks are exact.

mod effects;
mod logs;
mod overlaps;
mod slices;
mod stops;
mod terms;
mod ticks;

use std::path::Path;

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

use crate::error::Result;
use crate::target::Audit;

/// What a log shows.
#[derive(Clone, Default, Debug)]
pub(crate) struct Outcome {
    pub(crate) violations: Vec<String>,
    /// Overlaps that a stop inside a poll explains.
    pub(crate) explained: Vec<String>,
    /// The beginnings of all effects, in order.
    pub(crate) beats: Vec<Moment>,
    pub(crate) terms: usize,
    pub(crate) handovers: usize,
    /// Writes that the target has accepted, and refused.
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Runs of the scheduled task, and those that were interrupted.
    pub(crate) ticks: usize,
    /// States of the EndpointSlice, and Events of Kubernetes.
    pub(crate) slices: usize,
    pub(crate) kubernetes_events: usize,
    /// Runs of the program of `exec`.
    pub(crate) programs: usize,
    /// What was read in the logs of the processes.
    pub(crate) logs: String,
}

impl Outcome {
    pub(crate) fn of(events: &[Event], audit: &Audit) -> Outcome {
        let effects = effects::all(events);
        let overlaps = overlaps::find(&effects, &stops::all(events));
        let terms = terms::all(events);
        let mut violations = overlaps.violations;
        violations.extend(audit.violations.iter().cloned());
        violations.extend(terms::broken(&terms));
        violations.extend(terms::two_bodies(events));
        violations.extend(terms::two_programs(events));
        let slices = slices::all(events);
        violations.extend(slices::broken(&slices, &terms));
        violations.extend(terms::refused_too_much(&terms, events));
        violations.extend(ticks::twice(events));
        let failed = events.iter().filter(|event| event.is("target-failed"));
        violations.extend(failed.map(|event| format!("the target has not answered: {event}")));
        // A run that has shown nothing must not look like one that has shown that all is well.
        let counts = [
            ("effects", effects.len()),
            ("terms", terms.len()),
            ("writes", audit.accepted as usize),
            ("states of the slice", slices.len()),
        ];
        for (what, count) in counts {
            if count == 0 {
                violations.push(format!("nothing was checked: there are no {what}"));
            }
        }
        let mut beats: Vec<Moment> = effects.iter().map(|effect| effect.enter).collect();
        beats.sort_unstable();
        Outcome {
            violations,
            explained: overlaps.explained,
            beats,
            handovers: terms.windows(2).filter(|pair| pair[0].identity != pair[1].identity).count(),
            terms: terms.len(),
            accepted: audit.accepted,
            refused: audit.refused,
            slices: slices.len(),
            kubernetes_events: 0,
            programs: events.iter().filter(|event| terms::is_program(event)).count(),
            ticks: events.iter().filter(|event| event.is("tick")).count(),
            logs: String::new(),
        }
    }

    /// Adds the logs of the processes, which are in this folder.
    pub(crate) fn read_logs(&mut self, folder: &Path) -> Result<()> {
        let logs = logs::check(folder)?;
        self.violations.extend(logs.violations);
        self.logs = logs.figures;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
