//! Which settings of a scheduled task go together, and their limits.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Ticks that are closer together are not recorded in the Lease: each would cost two writes of it.
pub const SHORTEST_RECORDED: Duration = Duration::from_secs(10);
/// The longest `initial_delay` of a scheduled task: no tick is taken before it has passed.
pub const LONGEST_INITIAL_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest period and the longest offset, in seconds: a hundred years.
pub const LONGEST_PERIOD_SECS: u64 = 100 * 366 * 24 * 60 * 60;
/// How many runs of one task there may be at once. A record has room for no more.
pub const AT_ONCE: RangeInclusive<u32> = 2..=4;
/// How many ticks may wait to be caught up.
pub const CATCH_UP: RangeInclusive<u32> = 1..=1000;
/// How often a failed tick may be tried again. More would hide a task that always fails.
pub const RETRY: RangeInclusive<u32> = 0..=100;

/// A setting that goes with some triggers and not with others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Its name, as a key of the attribute and as a method of the task.
    pub key: &'static str,
    /// The triggers it goes with, with spaces between.
    pub triggers: &'static str,
    /// What to say about it on a task with another trigger.
    pub misplaced: &'static str,
    /// What to say about it on a task without a trigger.
    pub without_trigger: &'static str,
}

impl Setting {
    /// What is wrong with it on a task with this trigger, or with none.
    pub fn mistake(&self, trigger: Option<&str>) -> Option<&'static str> {
        match trigger {
            None => Some(self.without_trigger),
            Some(trigger) => (!self.goes_with(trigger)).then_some(self.misplaced),
        }
    }

    /// Whether it goes with this trigger: `cron`, `every`, `delay` or `once`.
    pub fn goes_with(&self, trigger: &str) -> bool {
        self.triggers.split(' ').any(|one| one == trigger)
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $key:literal, $triggers:literal, $add:literal, $misplaced:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Setting = Setting {
                key: $key,
                triggers: $triggers,
                misplaced: concat!($key, " ", $misplaced),
                without_trigger: concat!($key, " is for scheduled tasks: set ", $add, ", or remove it"),
            };
        )*
        /// All of them.
        pub const SETTINGS: &[Setting] = &[$($name),*];
    };
}

// For each: its key, its triggers, the same as a list, and what to say on a task with another trigger.
settings! {
    /// The other triggers do not depend on a calendar.
    TIME_ZONE: "time_zone", "cron", "cron", "is for cron: the other triggers do not depend on a calendar, remove it";
    /// A cron expression names the minute itself, and a delay counts from the end of the last run.
    OFFSET: "offset", "every", "every", "is for every: remove it";
    /// A task that runs once is due until it has run.
    JITTER: "jitter", "cron every delay", "cron, every or delay", "is for cron, every and delay: once is due until it has run, remove it";
    /// Runs of the other triggers never overlap.
    OVERLAP: "overlap", "cron every", "cron or every", "is for cron and every: runs of the other triggers never overlap, remove it";
    /// A task that runs once is due until it has run.
    CATCHING_UP: "catch_up", "cron every delay", "cron, every or delay", "is for cron, every and delay: once is due until it has run, remove it";
    /// The other triggers have one tick at a time.
    MAX_CATCH_UP:
        "max_catch_up", "cron every", "cron or every", "is for cron and every: the other triggers have one tick at a time, remove it";
    /// A task that runs once is due until it has run.
    START_DEADLINE: "start_deadline", "cron every delay", "cron, every or delay", "is for cron, every and delay: once is due until it has run, remove it";
    /// A continuous task has no ticks to deliver.
    DELIVERY: "delivery", "cron every delay once", "cron, every, delay or once", "is for scheduled tasks: set cron, every, delay or once, or remove it";
    /// A continuous task runs again without it.
    RETRIES: "retry", "cron every delay once", "cron, every, delay or once", "is for scheduled tasks: set cron, every, delay or once, or remove it";
}

/// Whether ticks that are at least so far apart are recorded in the Lease.
pub fn is_recorded(period: Duration) -> bool {
    period >= SHORTEST_RECORDED
}

/// The longest jitter for ticks that are at least so far apart: with more, a run could start after the next one.
pub fn longest_jitter(period: Duration) -> Duration {
    period / 2
}

/// Whether a tick that waits for its jitter can start before its deadline.
pub fn leaves_time_to_start(jitter: Duration, start_deadline: Duration) -> bool {
    jitter < start_deadline
}

/// Whether ticks that fall due while another replica takes over can start before their deadline. `failover` is
/// [`Timings::failover`](crate::timing::Timings::failover).
pub fn outlasts_failover(start_deadline: Duration, failover: Duration) -> bool {
    start_deadline >= failover
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_goes_with_its_triggers() {
        let with = |trigger: &str| -> Vec<&str> {
            SETTINGS.iter().filter(|setting| setting.goes_with(trigger)).map(|setting| setting.key).collect()
        };
        assert_eq!(with("once"), ["delivery", "retry"]);
        assert_eq!(with("delay"), ["jitter", "catch_up", "start_deadline", "delivery", "retry"]);
        assert_eq!(with("every").len() + 1, SETTINGS.len());
        assert_eq!(with("cron").len() + 1, SETTINGS.len());
        assert!(SETTINGS.iter().all(|setting| setting.misplaced.starts_with(setting.key)));
    }

    #[test]
    fn without_a_trigger_the_remedy_is_to_set_one_that_it_goes_with() {
        for setting in SETTINGS {
            let triggers = crate::suggest::list(setting.triggers.split(' '), "or").replace('`', "");
            let remedy = format!("{} is for scheduled tasks: set {triggers}, or remove it", setting.key);
            assert_eq!(setting.mistake(None), Some(&*remedy));
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let secs = Duration::from_secs;
        assert!(is_recorded(secs(10)) && !is_recorded(Duration::from_millis(9_999)));
        assert_eq!(longest_jitter(secs(10)), secs(5));
        assert!(leaves_time_to_start(secs(9), secs(10)) && !leaves_time_to_start(secs(10), secs(10)));
        assert!(outlasts_failover(secs(18), secs(18)) && !outlasts_failover(secs(17), secs(18)));
    }
}
