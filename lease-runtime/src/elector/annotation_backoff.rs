//! Stops writing about ticks for a while, if the cluster refuses or alters such writes.

use std::time::Duration;

use crate::clock::Moment;

/// The first pause. Each one after it is twice as long.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);

/// A policy of the cluster may refuse annotations that it does not know. It would then refuse every renewal that says something
/// about ticks, and the lease would be lost with everything that runs under it. So after a refused write, the next write says
/// nothing about ticks. If that one succeeds, ticks are left out for a while. The same happens if a write succeeds but other
/// annotations are stored than were sent: a due tick would be tried again at once, and altered again.
#[derive(Default)]
pub(super) struct AnnotationBackoff {
    /// The last write was refused, and said something about ticks.
    suspects: bool,
    until: Option<Moment>,
    /// How long the last pause was; zero after a write about ticks that succeeded.
    last: Duration,
}

impl AnnotationBackoff {
    pub(super) fn holds(&self, now: Moment) -> bool {
        self.suspects || self.until.is_some_and(|until| now < until)
    }

    /// The last writes about ticks were refused or altered.
    pub(super) fn is_quiet(&self) -> bool {
        !self.last.is_zero()
    }

    /// A write was refused. `says`: it said something about ticks.
    pub(super) fn refused(&mut self, says: bool) {
        // A write without ticks is refused for another reason, and so may have been the one before it.
        self.suspects = says;
    }

    /// A write succeeded. Returns whether a first pause begins.
    pub(super) fn succeeded(&mut self, says: bool, now: Moment) -> bool {
        if std::mem::take(&mut self.suspects) && !says {
            return self.begin(now);
        }
        if says {
            (self.until, self.last) = (None, Duration::ZERO);
        }
        false
    }

    /// A write succeeded, and was altered. Returns whether a first pause begins.
    pub(super) fn altered(&mut self, now: Moment) -> bool {
        self.suspects = false;
        self.begin(now)
    }

    fn begin(&mut self, now: Moment) -> bool {
        let first = self.last.is_zero();
        self.last = (self.last * 2).clamp(SHORTEST, LONGEST);
        self.until = Some(now + self.last);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    /// A write about ticks that is refused at this instant, and one without them that succeeds.
    fn refused_with_ticks_only(backoff: &mut AnnotationBackoff, seconds: u64) -> bool {
        backoff.refused(true);
        assert!(backoff.holds(at(seconds)), "the next write says nothing about ticks");
        backoff.succeeded(false, at(seconds))
    }

    #[test]
    fn pauses_grow_to_five_minutes_and_start_over_after_a_success() {
        let mut backoff = AnnotationBackoff::default();
        let mut now = 0;
        for (pause, is_first) in
            [(10, true), (20, false), (40, false), (80, false), (160, false), (300, false), (300, false)]
        {
            assert_eq!(refused_with_ticks_only(&mut backoff, now), is_first);
            assert!(backoff.is_quiet() && backoff.holds(at(now + pause - 1)), "{pause} s");
            now += pause;
            assert!(!backoff.holds(at(now)), "{pause} s");
        }
        assert!(!backoff.succeeded(true, at(now)) && !backoff.is_quiet());
        assert!(backoff.altered(at(now)), "a first pause again");
        assert!(backoff.holds(at(now + 9)) && !backoff.holds(at(now + 10)));
    }

    #[test]
    fn a_refusal_without_ticks_is_not_blamed_on_them() {
        let mut backoff = AnnotationBackoff::default();
        backoff.refused(true);
        backoff.refused(false);
        assert!(!backoff.holds(at(0)));
        assert!(!backoff.succeeded(false, at(0)) && !backoff.is_quiet());
    }
}
