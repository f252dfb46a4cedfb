//! Ticks that are not recorded: what the leader's memory and its clock decide.

use super::*;

fn at(seconds: i64) -> TickTime {
    TickTime { wall: time(seconds), server: None, random: seconds.unsigned_abs() }
}

/// A task that is due every five seconds.
fn polling(overlap: Overlap) -> Timetable {
    let schedule = Schedule::every(Duration::from_secs(5), Duration::ZERO).unwrap();
    let kind = TimetableKind::Calendar;
    Timetable { overlap, catch_up: CatchUp::None, recorded: false, ..timetable(schedule, kind) }
}

/// A leader since [`START`] with this task.
fn leader(timetable: Timetable) -> Ticks {
    let mut ticks = Ticks::default();
    ticks.begin(1, at(0));
    ticks.join("poll".into(), timetable, time(0));
    ticks
}

/// The nominal times of the runs that start at this time, in seconds, and whether they replace others.
fn starts(ticks: &mut Ticks, seconds: i64) -> Vec<(i64, bool)> {
    let starts = ticks.poll(at(seconds));
    starts.iter().map(|start| (start.tick.0 / 1_000_000 - START, start.replaces)).collect()
}

fn start(ticks: &mut Ticks, seconds: i64) -> RunStart {
    let mut starts = ticks.poll(at(seconds));
    assert_eq!(starts.len(), 1);
    starts.remove(0)
}

#[test]
fn ticks_count_from_the_beginning_of_the_term() {
    let mut ticks = Ticks::default();
    ticks.join("poll".into(), polling(Overlap::Skip), time(1));
    ticks.begin(1, at(23));
    assert_eq!(starts(&mut ticks, 24), [], "20 was before the term");
    assert_eq!(starts(&mut ticks, 25), [(25, false)]);
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_ticks() {
    let mut ticks = leader(polling(Overlap::Skip));
    let run = start(&mut ticks, 100);
    ticks.ended(run.id, RunEnd::Done);
    assert_eq!(starts(&mut ticks, 52), []);
    assert_eq!(starts(&mut ticks, 55), [(55, false)]);
}

#[test]
fn the_overlap_decides_about_a_tick_that_is_due_during_a_run() {
    for (overlap, second, third) in [
        (Overlap::Skip, vec![], vec![]),
        (Overlap::BufferOne, vec![], vec![]),
        (Overlap::CancelOther, vec![(10, true)], vec![(15, true)]),
        (Overlap::AllowAll(2), vec![(10, false)], vec![]),
    ] {
        let mut ticks = leader(polling(overlap));
        assert_eq!(starts(&mut ticks, 5), [(5, false)], "{overlap:?}: the first replaces nothing");
        assert_eq!(starts(&mut ticks, 10), second, "{overlap:?}");
        assert_eq!(starts(&mut ticks, 15), third, "{overlap:?}");
    }
}

#[test]
fn a_tick_that_was_skipped_does_not_run_after_the_run() {
    for (overlap, late) in [(Overlap::Skip, vec![]), (Overlap::BufferOne, vec![(10, false)])] {
        let mut ticks = leader(polling(overlap));
        let run = start(&mut ticks, 5);
        assert_eq!(starts(&mut ticks, 10), []);
        ticks.ended(run.id, RunEnd::Done);
        assert_eq!(starts(&mut ticks, 12), late, "{overlap:?}");
    }
}

#[test]
fn ticks_of_a_pause_do_not_run_after_it() {
    for overlap in [Overlap::Skip, Overlap::BufferOne] {
        let mut ticks = leader(polling(overlap));
        let mut annotations = Annotations::from([(format!("{PAUSE}poll"), "by hand".to_owned())]);
        assert_eq!(ticks.see(&annotations), []);
        assert_eq!(starts(&mut ticks, 5), []);
        annotations.clear();
        assert_eq!(ticks.see(&annotations), []);
        assert_eq!(starts(&mut ticks, 6), [], "{overlap:?}");
        assert_eq!(starts(&mut ticks, 10), [(10, false)], "{overlap:?}");
    }
}

#[test]
fn a_late_poll_loses_no_tick_whose_start_is_delayed() {
    let mut ticks = leader(Timetable { jitter: Duration::from_millis(2_500), ..polling(Overlap::AllowAll(2)) });
    let jittered = polling(Overlap::Skip);
    let jittered = Timetable { jitter: Duration::from_millis(2_500), ..jittered };
    let delay = |tick| jittered.starts("poll", time(tick)).0 - time(tick).0;
    let late = (2..20).map(|number| number * 5).find(|tick| delay(*tick) > 1_000_000).unwrap();
    assert_eq!(starts(&mut ticks, late + 1), [(late - 5, false)], "this is after {late}, and before its start");
    assert_eq!(starts(&mut ticks, late + 3), [(late, false)]);
}

#[test]
fn a_delay_counts_from_the_end_of_the_run() {
    let delay = Duration::from_secs(5);
    let delayed = timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay));
    let mut ticks = leader(Timetable { catch_up: CatchUp::None, recorded: false, ..delayed });
    assert_eq!(starts(&mut ticks, 4), []);
    let first = start(&mut ticks, 5);
    assert_eq!(starts(&mut ticks, 8), [], "it runs");
    ticks.ended(first.id, RunEnd::Done);
    assert_eq!(starts(&mut ticks, 12), [], "it ran until eight at least");
    // This one starts late, and ends at once.
    let second = start(&mut ticks, 17);
    ticks.ended(second.id, RunEnd::Done);
    assert_eq!(starts(&mut ticks, 20), [], "four seconds after the due time, and three after the start");
    assert_eq!(starts(&mut ticks, 22), [(22, false)]);
}
