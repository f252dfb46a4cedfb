//! How often something happened, over all seeds.

use std::collections::BTreeMap;

/// Counts by name.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn add(&mut self, what: &'static str) {
        self.add_many(what, 1);
    }

    pub(crate) fn add_many(&mut self, what: &'static str, count: u64) {
        let Tally(counts) = self;
        *counts.entry(what).or_default() += count;
    }

    pub(crate) fn merge(&mut self, other: &Tally) {
        let Tally(counts) = other;
        counts.iter().for_each(|(what, count)| self.add_many(what, *count));
    }

    pub(crate) fn get(&self, what: &'static str) -> u64 {
        let Tally(counts) = self;
        counts.get(what).copied().unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let Tally(counts) = self;
        counts.iter().map(|(what, count)| (*what, *count))
    }
}
