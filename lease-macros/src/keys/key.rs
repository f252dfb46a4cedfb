//! A key and the kinds of values.

use super::words::Words;

/// A key, and what is known about it.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// A value that fits.
    pub(crate) example: &'static str,
    /// How its value is read.
    pub(crate) kind: Kind,
    pub(crate) sets: Sets,
    /// Which tasks it concerns: those of these triggers, and `continuous` ones, which have none.
    pub(crate) of: &'static str,
    /// What other systems call it, in their spelling; `leaseTTL` and `lease_ttl` are one.
    pub(super) others: &'static str,
}

/// Where a key's value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sets {
    /// To a place of its own in the expansion.
    Place,
    /// To the method of the same name of `LeaseSpec`.
    Lease,
    /// To the method of the same name of `LeaderTask`.
    Task,
}

/// The kinds of values.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The name of a lease: a string, a constant, or a string with arguments in braces.
    LeaseName,
    /// The name of a namespace: likewise.
    Namespace,
    /// The name of a task.
    TaskName,
    /// A duration that is not zero.
    Duration,
    /// Two durations, the shorter one first.
    Range,
    /// How often within a duration.
    Rate,
    /// A cron expression: a string or a constant.
    Cron,
    /// The name of a time zone: likewise.
    TimeZone,
    /// None: the key says it all.
    Flag,
    /// A number in these bounds.
    Count(u32, u32),
    /// A duration that is not zero, or `unlimited`.
    Deadline,
    /// One of these words.
    Word(Words),
    /// A path.
    Path,
}

impl Key {
    /// How it is written, with `value`.
    pub(crate) fn form(&self, value: &str) -> String {
        match self.kind {
            Kind::Flag => self.name.to_owned(),
            _ => format!("{} = {value}", self.name),
        }
    }

    /// How it is written, with a value that fits.
    pub(crate) fn example(&self) -> String {
        self.form(self.example)
    }
}
