//! Whether to be quiet about ticks, because the cluster does not let us speak of them, or alters what we say.

use std::time::Duration;

use crate::clock::Moment;

/// The first silence. Each that follows is twice as long.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);

/// A policy of the cluster may refuse annotations that it does not know, and would refuse every renewal that says something
/// of ticks. The lease, and all that runs under it, is not to be lost for that. So a write that was refused is followed by one
/// that says nothing; if that one is let through, nothing is said for a while. The same if a write is let through and comes
/// back with other annotations than were sent: what is due would be tried again at once, and altered again.
#[derive(Default)]
pub(super) struct AnnotationBackoff {
    /// The last write was refused, and said something.
    suspects: bool,
    until: Option<Moment>,
    /// How long the last silence was; zero after a write that was let through.
    last: Duration,
}

impl AnnotationBackoff {
    pub(super) fn holds(&self, now: Moment) -> bool {
        self.suspects || self.until.is_some_and(|until| now < until)
    }

    /// Nothing that was said lately was let through as it was.
    pub(super) fn is_quiet(&self) -> bool {
        !self.last.is_zero()
    }

    /// A write was refused. `says`: it said something of ticks.
    pub(super) fn refused(&mut self, says: bool) {
        // One that says nothing is refused for another reason, and so may have been the one before.
        self.suspects = says;
    }

    /// A write was let through. Tells whether that is news of a silence.
    pub(super) fn succeeded(&mut self, says: bool, now: Moment) -> bool {
        if std::mem::take(&mut self.suspects) && !says {
            return self.begin(now);
        }
        if says {
            (self.until, self.last) = (None, Duration::ZERO);
        }
        false
    }

    /// A write was let through, and altered. Tells whether that is news of a silence.
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
