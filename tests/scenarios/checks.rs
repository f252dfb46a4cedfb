//! Tests of the checks: an invented log for each check, which the check must refuse.

use lease_tests::invariants::{Excuses, broken};
use lease_tests::log::Event;

use crate::runner::{Scenario, plain};

pub(crate) fn list() -> Vec<Scenario> {
    vec![plain("checks::find_what_they_are_for", find_what_they_are_for)]
}

/// `at pid event[@lease] token`, one per word group.
fn log(lines: &[(u64, u32, &str, u64)]) -> Vec<Event> {
    let event = |(at, pid, what, token): &(u64, u32, &str, u64)| format!("{at} pod-{pid} {pid} {what} {token}");
    lines.iter().map(|line| Event::parse(&event(line)).expect("an event")).collect()
}

fn find_what_they_are_for() {
    let good = [
        (10, 1, "ready", 0),
        (20, 1, "started", 5),
        (30, 1, "beat", 5),
        (40, 1, "stopped", 5),
        (50, 1, "exited", 0),
        (60, 2, "started", 7),
        (70, 2, "beat", 7),
        (80, 2, "stopped", 7),
        (90, 2, "exited", 0),
    ];
    assert_eq!(broken(&log(&good), &Excuses::default()), [""; 0]);
    // Each replaces one line of the good log.
    let cases = [
        (2, (65, 1, "beat", 5), "two at once"),
        (3, (60, 1, "stopped", 5), "two at once"),
        (5, (60, 2, "started", 5), "one token, two terms"),
        (5, (60, 2, "started", 4), "tokens out of order"),
        (2, (30, 1, "started", 5), "while that of term 5 was not gone"),
        (2, (30, 1, "stopped", 5), "twice"),
        (3, (40, 1, "beat", 5), "before its body of term 5 was gone"),
    ];
    for (index, line, expected) in cases {
        let mut lines = good;
        lines[index] = line;
        let found = broken(&log(&lines), &Excuses::default());
        assert!(
            found.iter().any(|found| found.contains(expected)),
            "{expected:?} is not found in {lines:?}: {found:?}"
        );
    }
    // The same events under two leases are not an overlap. An overlap under one of two leases is found.
    let shards = |second| {
        log(&[
            (10, 1, "started@a", 5),
            (20, 2, "started@b", 7),
            (25, 2, second, 9),
            (30, 1, "beat@a", 5),
            (40, 2, "beat@b", 7),
        ])
    };
    assert_eq!(broken(&shards("started@c"), &Excuses::default()), [""; 0]);
    assert!(broken(&shards("started@a"), &Excuses::default())[0].contains("two at once"));
    let mut lines = good;
    lines[2] = (65, 1, "beat", 5);
    let mut excuses = Excuses::default();
    excuses.overlap.insert(5, "asked for");
    assert_eq!(broken(&log(&lines), &excuses), [""; 0], "the excuse has no effect");
}
