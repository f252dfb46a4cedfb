//! The replica's scheduled tasks.

use std::sync::Arc;

use lease_runtime::{Cause, LeaderTask, LeaseSpec, Term, Tick};
use lease_tests::ticks::TickTask;

use super::{Scribe, Work};

pub(super) fn task(lease: String, settings: &TickTask, work: Work) -> LeaderTask<Result<(), &'static str>> {
    const LEASE: LeaseSpec = LeaseSpec::new("replica");
    let timing = work.settings.timing;
    let grace = work.settings.grace;
    let own = settings.clone();
    let task = LeaderTask::scheduled("tick", LEASE, move |term, tick| body(term, tick, own.clone(), work.clone()))
        .name(settings.name.clone())
        .lease(lease)
        .lease_duration(timing.lease_duration)
        .renew_deadline(timing.renew_deadline)
        .retry_period(timing.retry_period)
        .grace(grace)
        .every(settings.every)
        .offset(settings.offset)
        .catch_up(settings.catch_up)
        .delivery(settings.delivery);
    match settings.overlap {
        None => task,
        Some(overlap) => task.overlap(overlap),
    }
}

async fn body(term: Term, tick: Tick, settings: TickTask, work: Work) -> Result<(), &'static str> {
    let scribe = Arc::new(Scribe::new(&term, &work));
    let cause = match tick.cause() {
        Cause::Trigger(id) => id.to_string(),
        Cause::Backfill => "backfill".to_owned(),
        _ => "schedule".to_owned(),
    };
    let what = format!("{} {}", settings.name, tick.nominal());
    let mut gone = Gone { scribe: scribe.clone(), what: what.clone(), how: "dropped" };
    scribe.write("tick", &format!("{what} {} {cause}", tick.attempt()));
    let ended = tokio::select! {
        biased;
        // A run that takes no time is done as soon as it has begun, even if it is asked to end.
        () = std::future::ready(()), if settings.takes.is_zero() => Ok(()),
        () = term.cancelled() => Err("asked to end"),
        () = tokio::time::sleep(settings.takes) => Ok(()),
    };
    gone.how = if ended.is_ok() { "done" } else { "asked" };
    ended
}

struct Gone {
    scribe: Arc<Scribe>,
    what: String,
    how: &'static str,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.scribe.write("tick-ended", &format!("{} {}", self.what, self.how));
    }
}
