//! Arbitrary cron expressions in arbitrary zones.

use lease_fuzz::Target;

use super::*;

/// Instants around changes of the clocks, and near the ends of the calendar.
const MARKS: [&str; 5] = [
    "1970-01-01T00:00:00Z",
    "2026-03-29T00:59:59Z",
    "2026-10-25T00:30:00Z",
    "2027-02-28T23:59:00Z",
    "9998-12-31T23:59:59Z",
];

/// The first line is the expression, the second the zone.
fn check(input: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(input);
    let (pattern, zone) = text.split_once('\n').unwrap_or((&text, "UTC"));
    let schedule = match Schedule::cron(pattern, zone) {
        Ok(schedule) => schedule,
        Err(error) => {
            let message = error.to_string();
            assert!(message.len() <= 4_000 + 20 * text.len(), "{} bytes about {} bytes", message.len(), text.len());
            return if matches!(error, ScheduleError::Cron { .. }) { "no expression" } else { "no zone" };
        }
    };
    assert_eq!(Schedule::cron(pattern, zone).map(|again| again.fingerprint()), Ok(schedule.fingerprint()));
    assert_eq!(schedule.time_zone(), Some(zone));
    let mut due = false;
    for text in MARKS {
        let mark = mark(text);
        let Some(next) = schedule.next(&mark) else { continue };
        due = true;
        assert!(next.at > mark.at, "{pattern:?} in {zone}: {next:?} is not after {text}");
        assert_eq!(schedule.latest(&mark, next.at), Some(next), "{pattern:?} in {zone} after {text}");
        assert_eq!(schedule.latest(&mark, WallTime(next.at.0 - 1)), None, "{pattern:?} in {zone} after {text}");
        assert_eq!(schedule.count(&mark, next.at), 1, "{pattern:?} in {zone} after {text}");
        if let Some(after) = schedule.next(&next.into()) {
            assert!(after.at > next.at && schedule.count(&mark, after.at) == 2, "{pattern:?} in {zone} after {next:?}");
        }
    }
    if due { "due" } else { "never due" }
}

const SCHEDULE: Target = Target {
    name: "schedule",
    words: &[
        "Europe/Prague",
        "America/New_York",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "UTC",
        "EST",
        "+01:00",
        "\n",
        "2",
        "29",
        "MON#5",
        "L",
        "*",
    ],
    check,
    reaches: &["due", "no expression", "no zone"],
};

#[test]
fn schedule() {
    lease_fuzz::run(&SCHEDULE);
}
