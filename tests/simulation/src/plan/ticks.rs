//! The scheduled tasks of a run.

use std::time::Duration;

use fastrand::Rng;
use lease_runtime::{CatchUp, Delivery, Overlap};

use crate::program::{LEASES, TickTask, When};

const NAMES: [&str; 4] = ["report", "clean", "export", "audit"];

/// Up to four scheduled tasks, of any kind.
pub(super) fn draw(rng: &mut Rng, leases: usize) -> Vec<TickTask> {
    let count = [0, 1, 2, 3, 4][rng.usize(..5)];
    NAMES.into_iter().take(count).map(|name| task(rng, name, leases)).collect()
}

fn task(rng: &mut Rng, name: &'static str, leases: usize) -> TickTask {
    let when = when(rng);
    let is_calendar = matches!(when, When::Every { .. } | When::Cron(_));
    let catch_up = match rng.u8(..3) {
        0 if is_calendar => CatchUp::All,
        1 if is_calendar => CatchUp::None,
        _ => CatchUp::Latest,
    };
    let overlap = overlap(rng, catch_up).filter(|_| is_calendar);
    // With `all`, a run must not take longer than the time to the next tick.
    let longest = if catch_up == CatchUp::All { [200, 1_000, 3_000] } else { [200, 3_000, 15_000] };
    TickTask {
        name,
        lease: LEASES[rng.usize(..leases)],
        when,
        delivery: if rng.bool() { Delivery::AtMostOnce } else { Delivery::AtLeastOnce },
        catch_up,
        overlap,
        longest_run: Duration::from_millis(longest[rng.usize(..3)]),
        failing: if rng.u8(..3) == 0 { rng.u32(1..300) } else { 0 },
    }
}

fn when(rng: &mut Rng) -> When {
    let period = [10, 10, 15, 20, 60][rng.usize(..5)];
    match rng.u8(..8) {
        0 => When::Once,
        1 => When::Delay(10 + rng.u64(..40)),
        2 => When::Cron("* * * * *"),
        _ => When::Every { period, offset: if rng.bool() { 0 } else { rng.u64(..period) } },
    }
}

fn overlap(rng: &mut Rng, catch_up: CatchUp) -> Option<Overlap> {
    let all = [None, Some(Overlap::AllowAll(3))];
    let any =
        [None, Some(Overlap::Skip), Some(Overlap::BufferOne), Some(Overlap::CancelOther), Some(Overlap::AllowAll(3))];
    if catch_up == CatchUp::All { all[rng.usize(..2)] } else { any[rng.usize(..5)] }
}
