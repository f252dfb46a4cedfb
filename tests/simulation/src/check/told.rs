//! O: what observers are told is what happens. A counter or a gauge that is made of the events is right.

use std::collections::BTreeMap;

use super::{Broken, must};
use crate::engine::Who;
use crate::journal::{Event, LeaseName, Told};
use crate::tally::Tally;

/// What each process has told about each Lease.
#[derive(Default)]
pub(super) struct Observers {
    terms: BTreeMap<(Who, LeaseName), ToldTerm>,
}

#[derive(Default)]
struct ToldTerm {
    /// The term that was told last.
    token: u64,
    over: bool,
    /// How many runs of a task are under way.
    runs: BTreeMap<String, u32>,
}

impl Observers {
    pub(super) fn see(&mut self, event: &Event, tally: &mut Tally) -> Result<(), Broken> {
        match event {
            Event::Told { who, lease, told } => {
                tally.add("events told");
                self.terms.entry((*who, *lease)).or_default().hear(*who, lease, told)
            }
            Event::Polled { who, lease, task, token, .. } => {
                let Some(term) = self.terms.get(&(*who, *lease)) else { return Ok(()) };
                must!(
                    (term.token, term.over) == (*token, false),
                    "O: {who} polls {task} in term {token} of {lease}, and told term {} (over: {})",
                    term.token,
                    term.over
                );
                must!(
                    term.runs.get(*task).is_some_and(|runs| *runs > 0),
                    "O: {who} polls {task}, and told no run of it: {:?}",
                    term.runs
                );
                Ok(())
            }
            Event::Gone { who } => {
                self.terms.retain(|(of, _), _| of != who);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl ToldTerm {
    fn hear(&mut self, who: Who, lease: LeaseName, told: &Told) -> Result<(), Broken> {
        match told {
            Told::TermBegan(token) => {
                must!(
                    self.token == 0 || self.over,
                    "O: {who} tells of term {token} of {lease} inside of term {}",
                    self.token
                );
                must!(*token > self.token, "O: {who} tells of term {token} of {lease} after term {}", self.token);
                (self.token, self.over) = (*token, false);
            }
            Told::TermCancelled(token) | Told::TermEnded(token) => {
                must!(
                    (self.token, self.over) == (*token, false),
                    "O: {who} tells of the end of term {token} of {lease} in term {} (over: {})",
                    self.token,
                    self.over
                );
                self.over = matches!(told, Told::TermEnded(_));
                must!(
                    !self.over || self.runs.values().all(|runs| *runs == 0),
                    "O: {who} tells of the end of term {token} of {lease} before that of {:?}",
                    self.runs
                );
            }
            Told::RunBegan(task) => *self.runs.entry(task.clone()).or_default() += 1,
            Told::RunEnded(task) => {
                let runs = self.runs.entry(task.clone()).or_default();
                must!(*runs > 0, "O: {who} tells of the end of a run of {task} that has not begun");
                *runs -= 1;
            }
        }
        Ok(())
    }
}
