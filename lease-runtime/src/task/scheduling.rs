//! When a scheduled task runs, by the names that the attribute's keys have.

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

/// Tasks that run at times, rather than all through a term.
impl<T: TickOutput> LeaderTask<T> {
    /// The task `name` under the lease of `spec`, which runs when its schedule says so: one of [`cron`](Self::cron),
    /// [`every`](Self::every), [`delay`](Self::delay) and [`once`](Self::once) has to be set. `body` is called at the start
    /// of each run.
    ///
    /// A tick is taken by the very write that renews the lease, which records it there, and its body starts when that has
    /// succeeded. So a tick that falls due while leadership moves is run by the next leader, and the clocks of two replicas
    /// cannot double one.
    ///
    /// | | what is promised | what is not |
    /// |---|---|---|
    /// | [`AtMostOnce`](crate::Delivery::AtMostOnce), the default | each tick is started at most once in the cluster, whatever crashes, pauses, lost answers and clocks do | that it completes: a process that dies takes its run along, which is counted as abandoned |
    /// | [`AtLeastOnce`](crate::Delivery::AtLeastOnce) and [`CatchUp::All`](crate::CatchUp::All) | each tick completes at least once, if some replica holds the lease for long enough | at most once: an interrupted run is run again, also if it had just completed |
    /// | `AtLeastOnce` and [`CatchUp::Latest`](crate::CatchUp::Latest) | the latest tick within its start deadline completes at least once | the older ones, which are counted |
    /// | [`CatchUp::None`](crate::CatchUp::None) | what falls due while this replica leads | anything about handovers |
    /// | [`once`](Self::once), `AtLeastOnce` | completes at least once, and never again when that is written | exactly once: a crash between the effect and the write repeats it |
    /// | `once`, `AtMostOnce` | started at most once | that it ever completed: [`TaskTicks`](crate::TaskTicks) shows `abandoned`, and somebody has to decide |
    /// | any | each tick is run, or counted in [`TickCounts`](crate::TickCounts) with one reason why not | exactly once; exclusion of effects, for which there are the fencing token and the attempt's id |
    ///
    /// All of it holds while nobody deletes the Lease, edits the record, or restores etcd from a backup: its memory is then
    /// gone, or goes back in time.
    ///
    /// "Completes" means that the body has returned `()` or `Ok`, or has failed as often as [`retry`](Self::retry) allows. A
    /// body that returns `()` because it was asked to end has not completed; one that returns `Ok` says that it has.
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

/// The same settings for a task and for a group, so that there is one text about each.
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

            /// Runs at a fixed rate, at the multiples of this period since 1970. At least a second; below ten seconds, no tick is
            /// recorded, which is only possible with [`CatchUp::None`].
            pub fn every(mut self, every: Duration) -> Self {
                self.scheduling.every = Some(every);
                self
            }

            /// How long after each multiple of [`every`](Self::every) it runs. Less than the period; not at all if not set.
            pub fn offset(mut self, offset: Duration) -> Self {
                self.scheduling.offset = Some(offset);
                self
            }

            /// Runs again so long after the end of the last run, whichever replica that was on.
            pub fn delay(mut self, delay: Duration) -> Self {
                self.scheduling.delay = Some(delay);
                self
            }

            /// Runs once in the life of the lease object, whichever replica it is on: a migration. The task is then done on every
            /// replica; [`TaskHandle::completed`](crate::TaskHandle::completed) tells.
            pub fn once(mut self) -> Self {
                self.scheduling.once = true;
                self
            }

            /// Starts each run later by a pause below this bound, which is drawn from the tick, so that it is the same on every
            /// replica. Not at all if not set.
            pub fn jitter(mut self, jitter: Duration) -> Self {
                self.scheduling.jitter = Some(jitter);
                self
            }

            /// What becomes of a tick that falls due while an earlier run goes on: [`Overlap::Skip`] if not set.
            pub fn overlap(mut self, overlap: Overlap) -> Self {
                self.scheduling.overlap = Some(overlap);
                self
            }

            /// Which ticks run that could not be taken when they fell due: [`CatchUp::Latest`] if not set.
            pub fn catch_up(mut self, catch_up: CatchUp) -> Self {
                self.scheduling.catch_up = Some(catch_up);
                self
            }

            /// How many ticks may wait to be caught up, with [`CatchUp::All`]. 100 if not set; the oldest beyond are counted as
            /// over the limit.
            pub fn max_catch_up(mut self, max_catch_up: u32) -> Self {
                self.scheduling.max_catch_up = Some(max_catch_up);
                self
            }

            /// How late a tick may still be started: a `Duration`, or [`StartDeadline::Unlimited`]. Until the next tick falls due if
            /// not set, and at least `lease_duration + 2.2 × retry_period`, the time that a failover takes; unlimited with
            /// [`CatchUp::All`] and for [`once`](Self::once).
            pub fn start_deadline(mut self, start_deadline: impl Into<StartDeadline>) -> Self {
                self.scheduling.start_deadline = Some(start_deadline.into());
                self
            }

            /// What becomes of a tick whose run was interrupted: [`Delivery::AtMostOnce`] if not set.
            pub fn delivery(mut self, delivery: Delivery) -> Self {
                self.scheduling.delivery = Some(delivery);
                self
            }

            /// How many more attempts are made at a tick whose run has failed, after a [`backoff`](Self::backoff), by the replica
            /// that it failed on. None if not set.
            pub fn retry(mut self, retry: u32) -> Self {
                self.scheduling.retry = Some(retry);
                self
            }
        }
    };
}

schedule_settings! {
    /// Schedules: for tasks made by [`scheduled`](LeaderTask::scheduled). A value that the attribute would refuse is an error
    /// when the task is added; settings that concern continuous tasks only, as `restart`, have no effect.
    impl<T> for LeaderTask<T>
}

schedule_settings! {
    /// A schedule for the whole group: each tick runs its members in their order, and is done when all of them are. They are
    /// tasks without a schedule of their own, and those made by [`LeaderTask::scheduled`] are handed the group's tick.
    impl for TaskGroup
}

/// How a tick of a group with a schedule runs.
impl TaskGroup {
    /// How long a tick of the group may take, before its members are asked to end and it counts as failed. Unlimited if not
    /// set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.policy.timeout = Some(timeout);
        self
    }

    /// How long to wait before a failed tick is tried again, as [`LeaderTask::backoff`].
    pub fn backoff(mut self, backoff: RangeInclusive<Duration>) -> Self {
        self.policy.backoff = *backoff.start()..*backoff.end();
        self
    }

    /// No tick is taken before so much of a term has passed. Not at all if not set.
    pub fn initial_delay(mut self, initial_delay: Duration) -> Self {
        self.policy.initial_delay = initial_delay;
        self
    }
}
