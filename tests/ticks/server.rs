//! The API server: one Lease, with compare-and-set on its version, and a clock that its answers carry.

use std::rc::Rc;

use lease_protocol::election::{Answer, Observation, Request, Version, View};
use lease_protocol::ticks::{Annotations, Edits};
use lease_runtime::clock::WallTime;

/// Midnight of 2026-11-25. Each world begins then.
pub(crate) const EPOCH: i64 = 1_795_564_800_000_000;

/// One state of the Lease.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) view: View,
    pub(crate) annotations: Rc<Annotations>,
}

#[derive(Default)]
pub(crate) struct Server {
    pub(crate) object: Option<State>,
    revision: u64,
}

/// The server's own time.
pub(crate) fn time(now: u64) -> WallTime {
    WallTime(EPOCH + now.cast_signed())
}

/// The time in the `Date` of an answer.
pub(crate) fn date(now: u64) -> WallTime {
    WallTime(time(now).0.div_euclid(1_000_000) * 1_000_000)
}

impl Server {
    pub(crate) fn observation(&self) -> Observation {
        match &self.object {
            Some(state) => Observation::Present(state.view.clone()),
            None => Observation::Missing { revision: None },
        }
    }

    pub(crate) fn annotations(&self) -> Annotations {
        self.object.as_ref().map(|state| Annotations::clone(&state.annotations)).unwrap_or_default()
    }

    pub(crate) fn serve(&mut self, request: &Request, edits: &Edits) -> Answer {
        match (request, &self.object) {
            (Request::Get, _) => Answer::Shown(self.observation()),
            (Request::Create(record), None) => {
                self.revision += 1;
                let version = Version { uid: "lease".to_owned(), revision: self.revision };
                let view = View { version, record: record.clone(), successor: None };
                self.object = Some(State { view: view.clone(), annotations: Rc::default() });
                Answer::Committed(view)
            }
            (Request::Replace { base, record }, Some(old)) if *base == old.view.version => {
                let annotations = edited(&old.annotations, edits);
                if *record == old.view.record && edits.is_empty() {
                    // A write that changes nothing keeps the version.
                    return Answer::Committed(old.view.clone());
                }
                self.revision += 1;
                let version = Version { uid: base.uid.clone(), revision: self.revision };
                let view = View { version, record: record.clone(), successor: None };
                self.object = Some(State { view: view.clone(), annotations });
                Answer::Committed(view)
            }
            (Request::Create(_) | Request::Replace { .. }, _) => Answer::Conflict,
        }
    }

    /// Somebody annotates the Lease, no matter which version it has.
    pub(crate) fn annotate(&mut self, edits: &Edits) {
        if let Some(state) = &mut self.object {
            self.revision += 1;
            state.view.version.revision = self.revision;
            state.annotations = edited(&state.annotations, edits);
        }
    }
}

fn edited(annotations: &Rc<Annotations>, edits: &Edits) -> Rc<Annotations> {
    if edits.is_empty() {
        return annotations.clone();
    }
    let mut annotations = Annotations::clone(annotations);
    for (name, value) in edits {
        match value {
            Some(value) => drop(annotations.insert(name.clone(), value.clone())),
            None => drop(annotations.remove(name)),
        }
    }
    Rc::new(annotations)
}
