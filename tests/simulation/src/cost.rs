//! What the simulation costs on this machine.

use std::time::{Duration, Instant};

/// Measures the time that something takes.
pub(crate) struct Cost {
    begun: Instant,
    processor: Duration,
}

impl Cost {
    #[allow(clippy::disallowed_methods, reason = "measures the simulation itself, not the simulated time")]
    pub(crate) fn begin() -> Cost {
        Cost { begun: Instant::now(), processor: processor_time() }
    }

    /// The time on the wall.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The time of the processor, on all threads.
    pub(crate) fn processor(&self) -> Duration {
        processor_time().saturating_sub(self.processor)
    }
}

#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "measures the simulation itself, not the simulated time")]
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let [seconds, nanos] = [used.tv_sec, used.tv_nsec].map(|value| u64::try_from(value).unwrap_or(0));
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

/// Elsewhere, the time on the wall stands for it.
#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "measures the simulation itself, not the simulated time")]
fn processor_time() -> Duration {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
