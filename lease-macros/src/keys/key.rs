//! The description of a key, and the kinds of values.

use super::words::Words;

/// A key of the attribute.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// An example of a value.
    pub(crate) example: &'static str,
    /// How its value is parsed.
    pub(crate) kind: Kind,
    pub(crate) sets: Sets,
    /// Which tasks it is for: scheduled ones with one of these triggers, and `continuous` ones.
    pub(crate) of: &'static str,
    /// Its names in other systems. `leaseTTL` and `lease_ttl` count as the same name.
    pub(super) others: &'static str,
}

/// Where a key's value goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sets {
    /// The expansion handles this key specially.
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
    /// The name of a namespace, in the same forms.
    Namespace,
    /// The name of a Service, in the same forms.
    Service,
    /// The name of a task.
    TaskName,
    /// A duration longer than zero.
    Duration,
    /// Two durations, the shorter one first.
    Range,
    /// A count and a duration.
    Rate,
    /// A cron expression: a string or a constant.
    Cron,
    /// The name of a time zone: a string or a constant.
    TimeZone,
    /// No value.
    Flag,
    /// A number from the first to the second.
    Count(u32, u32),
    /// A duration longer than zero, or `unlimited`.
    Deadline,
    /// One of these words.
    Word(Words),
    /// A path.
    Path,
}

impl Key {
    /// The argument with this value, as users write it.
    pub(crate) fn form(&self, value: &str) -> String {
        match self.kind {
            Kind::Flag => self.name.to_owned(),
            _ => format!("{} = {value}", self.name),
        }
    }

    /// The argument with the example as its value.
    pub(crate) fn example(&self) -> String {
        self.form(self.example)
    }
}
