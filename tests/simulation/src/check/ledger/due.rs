//! Which ticks a schedule has, computed independently of the core.

use crate::program::{TickTask, When};

impl TickTask {
    /// The period and the offset of a task that has ticks by the calendar.
    fn grid(&self) -> Option<(i64, i64)> {
        match self.when {
            When::Every { period, offset } => Some((period.cast_signed(), offset.cast_signed())),
            // The only pattern that runs have: every minute.
            When::Cron(_) => Some((60, 0)),
            When::Delay(_) | When::Once => None,
        }
    }

    /// The last tick that is not after this second.
    pub(super) fn tick_before(&self, second: i64) -> Option<i64> {
        self.grid().map(|(period, offset)| second - (second - offset).rem_euclid(period))
    }

    /// How many ticks there are after one second and up to another. Counts them one by one, because the core uses a formula.
    pub(super) fn ticks_between(&self, after: i64, upto: i64) -> u64 {
        let Some((period, offset)) = self.grid() else { return 0 };
        let mut tick = after - (after - offset).rem_euclid(period) + period;
        let mut count = 0;
        while tick <= upto {
            count += 1;
            tick += period;
        }
        count
    }

    /// Whether it has ticks by the calendar.
    pub(super) fn is_calendar(&self) -> bool {
        self.grid().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ticks_are_counted_without_the_first_end_and_with_the_second() {
        let task = TickTask {
            name: "t",
            lease: "acme-ledger",
            when: When::Every { period: 10, offset: 3 },
            delivery: lease_runtime::Delivery::AtMostOnce,
            catch_up: lease_runtime::CatchUp::Latest,
            overlap: None,
            longest_run: Duration::ZERO,
            failing: 0,
        };
        assert_eq!(task.ticks_between(3, 13), 1);
        assert_eq!(task.ticks_between(2, 13), 2);
        assert_eq!(task.ticks_between(3, 12), 0);
        assert_eq!(task.tick_before(12), Some(3));
        assert_eq!(task.tick_before(13), Some(13));
    }
}
