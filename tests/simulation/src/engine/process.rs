//! One start of a replica: a paused runtime with a program on it.

use std::sync::Arc;

use super::clock::{Nanos, Pace, ProcessClock, wall_at};
use super::here::Here;
use super::message::Who;
use super::runtime::PausedRuntime;
use crate::journal::{Event, Journal};
use lease_runtime::testing::MachineProcess;

/// A process of a replica.
pub(crate) struct Process {
    pub(crate) here: Arc<Here>,
    runtime: PausedRuntime,
    /// It is stopped until then.
    stopped_until: Option<Nanos>,
}

impl Process {
    pub(crate) fn start(
        who: Who,
        pace: Pace,
        on_machine: Option<MachineProcess>,
        seed: u64,
        journal: Journal,
    ) -> Process {
        let runtime = PausedRuntime::new(seed);
        let clock = Arc::new(ProcessClock::new(runtime.begun, wall_at(pace.begun)));
        let here = Here::new(who, pace, clock, on_machine, journal, seed);
        here.write_at(pace.begun, Event::Process { who });
        Process { here, runtime, stopped_until: None }
    }

    /// Runs this on the process.
    pub(crate) fn spawn(&self, program: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(program);
    }

    /// Lets global time pass until `to`.
    pub(crate) fn run_until(&mut self, to: Nanos) {
        if let Some(until) = self.stopped_until {
            if to < until {
                return;
            }
            self.stopped_until = None;
            self.runtime.jump_to(self.here.pace.local(to));
        }
        self.runtime.run_until(self.here.pace.local(to));
    }

    /// Stops it, as SIGSTOP does. Its clock goes on.
    pub(crate) fn stop_until(&mut self, until: Nanos) {
        self.stopped_until = Some(until.max(self.stopped_until.unwrap_or_default()));
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped_until.is_some()
    }

    /// Runs `f` in the context of the process.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        self.runtime.enter(f)
    }

    pub(crate) fn tasks(&self) -> usize {
        self.runtime.tasks()
    }

    /// Ends it as SIGKILL does: it sends nothing, and nothing of it runs any more.
    pub(crate) fn kill(self, at: Nanos) {
        self.here.write_at(at, Event::Gone { who: self.here.who });
        self.here.die();
        self.runtime.kill();
    }
}
