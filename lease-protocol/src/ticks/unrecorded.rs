//! Ticks that are not recorded, because they are so frequent that each would cost too many writes.
//!
//! This is only possible with [`CatchUp::None`](super::CatchUp::None). As in any program with a timer, only the
//! leader's memory decides which ticks have run. Ticks that fall due while no replica leads are not run. If the clocks
//! of two leaders differ, both may run the ticks between the times that they show.

use std::sync::Arc;

use super::attempt::{Attempt, AttemptState};
use super::policy::Overlap;
use super::record::Origin;
use super::time::TickTime;
use super::timetable::{Timetable, TimetableKind};
use crate::clock::WallTime;
use crate::schedule::Watermark;

/// The last tick of a task that is accounted for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct UnrecordedTicks {
    upto: WallTime,
    /// A due tick waits for the end of a run.
    waits: bool,
}

impl UnrecordedTicks {
    pub(super) fn new(now: WallTime) -> UnrecordedTicks {
        UnrecordedTicks { upto: now, waits: false }
    }

    pub(super) fn begin(&mut self, acquired: WallTime) {
        (self.upto, self.waits) = (acquired, false);
    }

    pub(super) fn wake_at(&self, name: &str, timetable: &Timetable) -> Option<WallTime> {
        if timetable.recorded || self.waits {
            return None;
        }
        let next = timetable.schedule.next(&Watermark::at(self.upto))?;
        Some(timetable.starts(name, next.at))
    }

    /// The run that is due, if one is.
    pub(super) fn due(
        &mut self,
        name: &Arc<str>,
        timetable: &Timetable,
        attempts: &[&Attempt],
        paused: bool,
        time: TickTime,
    ) -> Option<Attempt> {
        let running = attempts.iter().filter(|attempt| attempt.state == AttemptState::Running).count();
        // The clock may have been set back.
        self.upto = self.upto.min(time.wall);
        if timetable.kind != TimetableKind::Calendar && running > 0 {
            self.upto = time.wall;
            return None;
        }
        let latest = timetable.latest(name, &Watermark::at(self.upto), time.wall)?;
        let wait = running >= timetable.most() && timetable.overlap == Overlap::BufferOne;
        let drop =
            running >= timetable.most() && !matches!(timetable.overlap, Overlap::BufferOne | Overlap::CancelOther);
        self.waits = wait && !paused;
        if self.waits {
            return None;
        }
        self.upto = if timetable.kind == TimetableKind::Calendar { latest.at } else { time.wall };
        if paused || drop {
            return None;
        }
        Some(Attempt {
            task: name.clone(),
            tick: latest.at,
            id: time.id(name, 0),
            attempt: 1,
            origin: Origin::Schedule,
            trigger: None,
            missed: 0,
            replaces: running > 0 && timetable.overlap == Overlap::CancelOther,
            taken: time.wall,
            until: None,
            composed: 0,
            state: AttemptState::Running,
        })
    }
}
