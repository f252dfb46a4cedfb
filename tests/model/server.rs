//! The Lease in the API server: one register with compare-and-set.

use lease_protocol::election::{Answer, Observation, Record, Request, Version, View};

/// The server's state: at most one object, one revision for everything.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Server {
    pub(crate) object: Option<View>,
    /// The revision of the last change. A deletion is a change too.
    pub(crate) revision: u64,
}

/// Mistakes of a server, or of the requests that it receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lenience {
    /// A PUT to a Lease that does not exist creates it. The real server does this if the body carries no uid.
    pub(crate) upsert: bool,
    /// A PUT replaces any version: an unconditional update.
    pub(crate) any_version: bool,
}

impl Server {
    pub(crate) fn observation(&self) -> Observation {
        match &self.object {
            Some(view) => Observation::Present(view.clone()),
            None => Observation::Missing { revision: None },
        }
    }

    /// What a watch shows: in contrast to a get, it knows the revision of a deletion.
    pub(crate) fn watched(&self) -> Observation {
        match &self.object {
            Some(view) => Observation::Present(view.clone()),
            None => Observation::Missing { revision: (self.revision > 0).then_some(self.revision) },
        }
    }

    pub(crate) fn apply(&mut self, request: &Request, lenience: Lenience) -> Answer {
        match (request, &self.object) {
            (Request::Get, _) => Answer::Shown(self.observation()),
            (Request::Create(record), None) => self.create(record),
            (Request::Create(_), Some(_)) => Answer::Conflict,
            (Request::Replace { base, record }, Some(old)) if *base == old.version || lenience.any_version => {
                if *record == old.record {
                    // A write that changes nothing keeps the version, as in the real server.
                    return Answer::Committed(old.clone());
                }
                let uid = old.version.uid.clone();
                self.store(uid, record)
            }
            (Request::Replace { record, .. }, None) if lenience.upsert => self.create(record),
            (Request::Replace { .. }, _) => Answer::Conflict,
        }
    }

    fn create(&mut self, record: &Record) -> Answer {
        // Normalization renames every uid that is still remembered, so this name is always free.
        self.store("fresh".to_owned(), record)
    }

    fn store(&mut self, uid: String, record: &Record) -> Answer {
        self.revision += 1;
        let view = View { version: Version { uid, revision: self.revision }, record: record.clone(), successor: None };
        self.object = Some(view.clone());
        Answer::Committed(view)
    }

    pub(crate) fn delete(&mut self) {
        self.object = None;
        self.revision += 1;
    }

    /// Somebody labels the Lease, which makes another version with the same record.
    pub(crate) fn label(&mut self) {
        self.revision += 1;
        if let Some(view) = &mut self.object {
            view.version.revision = self.revision;
        }
    }
}
