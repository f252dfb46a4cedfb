//! The settings of scheduled tasks. Their names are the keys of the attribute.

use std::borrow::Cow;
use std::future::Future;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::group::TaskGroup;
use super::leader_task::{LeaderTask, ScheduledBody};
use super::output::TickOutput;
use crate::spec::LeaseSpec;
use crate::term::Term;
use crate::tick::Tick;
use lease_protocol::ticks::{CatchUp, Delivery, Overlap, StartDeadline};

/// Tasks that run for ticks, and not continuously.
impl<T: TickOutput> LeaderTask<T> {
    /// The task `name` under the lease of `spec`, which runs at the ticks of its schedule. Set one of [`cron`](Self::cron),
    /// [`every`](Self::every), [`delay`](Self::delay) and [`once`](Self::once). `body` is called at the start of each run.
    ///
    /// A tick is taken by a write that also renews the lease and records the tick. The body starts when that write has
    /// succeeded. So if a tick falls due while leadership moves, the next leader runs it, and different clocks of two replicas
    /// cannot run one twice.
    ///
    /// | | what is promised | what is not |
    /// |---|---|---|
    /// | [`AtMostOnce`](crate::Delivery::AtMostOnce), the default | each tick starts at most once in the cluster, whatever crashes, pauses, lost answers and clocks do | that it completes: if the process crashes, its run is lost, and is counted as abandoned |
    /// | [`AtLeastOnce`](crate::Delivery::AtLeastOnce) and [`CatchUp::All`](crate::CatchUp::All) | each tick completes at least once, if some replica holds the lease for long enough | at most once: an interrupted run is run again, also if it had just completed |
    /// | `AtLeastOnce` and [`CatchUp::Latest`](crate::CatchUp::Latest) | the latest tick within its start deadline completes at least once | the older ones, which are counted |
    /// | [`CatchUp::None`](crate::CatchUp::None) | what falls due while this replica leads | anything about handovers |
    /// | [`once`](Self::once), `AtLeastOnce` | completes at least once, and never again after that is written | exactly once: a crash between the effect and the write repeats it |
    /// | `once`, `AtMostOnce` | started at most once | that it ever completed: [`TaskTicks`](crate::TaskTicks) shows `abandoned`, and somebody has to decide |
    /// | any | each tick is run, or counted in [`TickCounts`](crate::TickCounts) with one reason why not | exactly once; exclusion of effects, for which there are the fencing token and the attempt's id |
    ///
    /// All of this holds as long as nobody deletes the Lease, edits the record, or restores etcd from a backup: then the record is
    /// gone, or goes back in time.
    ///
    /// "Completes" means that the body has returned `()` or `Ok`, or has failed as often as [`retry`](Self::retry) allows. A
    /// body that returns `()` because it was asked to end has not completed. A body that returns `Ok` has.
    ///
    /// ```
    /// # use lease_runtime::{LeaderTask, LeaseSpec, Term, Tick};
    /// # async fn report(tick: Tick) {}
    /// let task = LeaderTask::scheduled("report", LeaseSpec::new("billing"), |_term: Term, tick: Tick| report(tick))
    ///     .cron("0 2 * * *")
    ///     .time_zone("Europe/Prague");
    /// ```
    pub fn scheduled<F, Fut>(name: &'static str, spec: LeaseSpec, body: F) -> LeaderTask<T>
    where
        F: FnMut(Term, Tick) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let mut task = LeaderTask::boxed(name, spec, Box::new(ScheduledBody(body)));
        task.scheduling.scheduled = true;
        task.done = Some(T::done);
        task
    }
}

/// The settings that a task and a group share, with one documentation for both.
macro_rules! schedule_settings {
    ($(#[$doc:meta])* impl $(<$T:ident>)? for $type:ty) => {
        $(#[$doc])*
        impl $(<$T>)? $type {
            /// Runs at the times of this cron expression: five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
            pub fn cron(mut self, cron: impl Into<Cow<'static, str>>) -> Self {
                self.scheduling.cron = Some(cron.into());
                self
            }

            /// The time zone of the [`cron`](Self::cron) expression, by its IANA name. UTC if not set.
            pub fn time_zone(mut self, time_zone: impl Into<Cow<'static, str>>) -> Self {
                self.scheduling.time_zone = Some(time_zone.into());
                self
            }

            /// Runs at a fixed rate, at the multiples of this period since 1970. At least a second. Below ten seconds no tick is
            /// recorded, which is only possible with [`CatchUp::None`].
            pub fn every(mut self, every: Duration) -> Self {
                self.scheduling.every = Some(every);
                self
            }

            /// How long after each multiple of [`every`](Self::every) it runs. Less than the period. Zero if not set.
            pub fn offset(mut self, offset: Duration) -> Self {
                self.scheduling.offset = Some(offset);
                self
            }

            /// Runs again so long after the end of the last run, on any replica.
            pub fn delay(mut self, delay: Duration) -> Self {
                self.scheduling.delay = Some(delay);
                self
            }

            /// Runs once in the life of the Lease object, on any replica: for a migration. Then the task is done on every replica, and
            /// [`TaskHandle::completed`](crate::TaskHandle::completed) resolves.
            pub fn once(mut self) -> Self {
                self.scheduling.once = true;
                self
            }

            /// Starts each run later by a random time below this bound. The time follows from the tick, so it is the same on every
            /// replica. Zero if not set.
            pub fn jitter(mut self, jitter: Duration) -> Self {
                self.scheduling.jitter = Some(jitter);
                self
            }

            /// What happens to a tick that falls due while an earlier run is active: [`Overlap::Skip`] if not set.
            pub fn overlap(mut self, overlap: Overlap) -> Self {
                self.scheduling.overlap = Some(overlap);
                self
            }

            /// Which of the ticks run that could not be taken when they fell due: [`CatchUp::Latest`] if not set.
            pub fn catch_up(mut self, catch_up: CatchUp) -> Self {
                self.scheduling.catch_up = Some(catch_up);
                self
            }

            /// How many ticks may wait to be caught up, with [`CatchUp::All`]. 100 if not set. Older ticks are counted as over the
            /// limit.
            pub fn max_catch_up(mut self, max_catch_up: u32) -> Self {
                self.scheduling.max_catch_up = Some(max_catch_up);
                self
            }

            /// How late a tick may still start: a `Duration`, or [`StartDeadline::Unlimited`]. If not set, until the next tick falls
            /// due, and at least `lease_duration + 2.2 × retry_period`, which is the time that a failover takes. Unlimited with
            /// [`CatchUp::All`] and for [`once`](Self::once).
            pub fn start_deadline(mut self, start_deadline: impl Into<StartDeadline>) -> Self {
                self.scheduling.start_deadline = Some(start_deadline.into());
                self
            }

            /// What happens to a tick whose run was interrupted: [`Delivery::AtMostOnce`] if not set.
            pub fn delivery(mut self, delivery: Delivery) -> Self {
                self.scheduling.delivery = Some(delivery);
                self
            }

            /// How many more attempts are made at a tick whose run has failed, each after a [`backoff`](Self::backoff), on the same
            /// replica. None if not set.
            pub fn retry(mut self, retry: u32) -> Self {
                self.scheduling.retry = Some(retry);
                self
            }
        }
    };
}

schedule_settings! {
    /// Schedules, for tasks made by [`scheduled`](LeaderTask::scheduled). If the attribute would refuse a value, adding the task
    /// is an error. A zero `offset` or `jitter` means none. Settings that concern only continuous tasks, such as `restart`, have
    /// no effect, like `backoff` without [`retry`](Self::retry).
    impl<T> for LeaderTask<T>
}

schedule_settings! {
    /// A schedule for the whole group. Each tick runs the members in their order, and is done when all of them are. Members
    /// are tasks without a schedule of their own. Those made by [`LeaderTask::scheduled`] get the tick of the group.
    impl for TaskGroup
}

/// The settings for the ticks of a group with a schedule.
impl TaskGroup {
    /// How long a tick of the group may take. Then its members are asked to end, and the tick counts as failed. Unlimited if not
    /// set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// How long to wait before a failed tick is tried again: see [`LeaderTask::backoff`].
    pub fn backoff(mut self, backoff: RangeInclusive<Duration>) -> Self {
        self.policy.backoff = *backoff.start()..*backoff.end();
        self
    }

    /// How much of a term must pass before a tick is taken. Zero if not set.
    pub fn initial_delay(mut self, initial_delay: Duration) -> Self {
        self.policy.initial_delay = initial_delay;
        self
    }
}
