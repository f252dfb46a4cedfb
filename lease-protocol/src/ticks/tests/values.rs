//! The values that callers read: words, status, clocks, and what others have written.

use super::super::names::{shown, some};
use super::*;
use crate::schedule::Watermark;

#[test]
fn text_of_others_is_quoted_and_cut_at_80_characters() {
    assert_eq!(shown("a\nb"), "\"a\\nb\"");
    assert_eq!(shown(&"x".repeat(80)), format!("\"{}\"", "x".repeat(80)));
    assert_eq!(shown(&"x".repeat(83)), format!("\"{}\" and 3 bytes more", "x".repeat(80)));
}

#[test]
fn a_list_of_names_has_ten_of_them_and_says_how_many_follow() {
    let names = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(some(&names(2)), ["\"0\"", "\"1\""]);
    assert_eq!(some(&names(10)).len(), 10);
    assert_eq!(some(&names(13)).last().map(String::as_str), Some("and 3 more"));
    assert_eq!(some(&names(13)).len(), 11);
}

#[test]
fn a_start_deadline_tells_its_length() {
    let minute = Duration::from_secs(60);
    assert_eq!(StartDeadline::from(minute).after(), Some(minute));
    assert_eq!(StartDeadline::Unlimited.after(), None);
}

#[test]
fn rule_8_a_clock_may_be_ten_seconds_ahead() {
    let at = |wall, server| TickTime { wall: time(wall), server, random: 1 };
    let (near, far) = (at(10, Some(time(0))), at(11, Some(time(0))));
    assert_eq!((near.bounded(), near.ahead()), (time(10), None));
    assert_eq!((far.bounded(), far.ahead()), (time(0), Some(Duration::from_secs(11))));
    assert_eq!((at(11, None).bounded(), at(11, None).ahead()), (time(11), None));
    assert_eq!((at(3, Some(time(0))).latest(), at(20, Some(time(0))).latest()), (time(10), time(20)));
    assert_eq!((far.shown(time(5)), near.shown(time(5))), (time(16), time(5)));
}

#[test]
fn ids_differ_by_task_by_number_and_by_chance_and_have_48_bits() {
    let at = |random| TickTime { wall: time(0), server: None, random };
    let ids = [at(1).id("report", 0), at(1).id("report", 1), at(1).id("ledger", 0), at(2).id("report", 0)];
    for (index, id) in ids.iter().enumerate() {
        assert!(id.get() > 0 && id.get() < 1 << 48, "{id}");
        assert!(!ids[..index].contains(id), "{ids:?}");
    }
    assert_eq!(AttemptId::new(0xabc).get(), 0xabc);
    assert_eq!(AttemptId::new(0xabc).to_string(), "000000000abc");
    assert_eq!(format!("{:?}", AttemptId::new(0xabc)), "AttemptId(000000000abc)");
}

#[test]
fn the_ids_of_a_random_number_are_the_same_in_every_version() {
    // Attempts are ordered by their ids. A seed of the simulation repeats a run only if the ids are the same.
    let at = |random| TickTime { wall: time(0), server: None, random };
    let ids = [at(1).id("report", 0), at(1).id("report", 1), at(u64::MAX).id("a", 0)].map(AttemptId::get);
    assert_eq!(ids, [100_832_577_601_408, 141_828_500_044_309, 87_683_425_892_316]);
}

#[test]
fn with_jitter_the_newest_tick_is_the_newest_that_has_started() {
    let jittered = Timetable { jitter: Duration::from_secs(30), ..minutely() };
    let latest = |now| jittered.latest("report", &Watermark::at(time(0)), time(now)).map(|latest| latest.at);
    // These start at 64.3 and 126.0 seconds.
    assert_eq!([64, 65, 126, 127].map(latest), [None, Some(time(60)), Some(time(60)), Some(time(120))]);
}

#[test]
fn jitter_is_the_same_in_every_version() {
    // Replicas of two versions lead one after the other. They must start a tick at the same time.
    let mut jittered = minutely();
    jittered.jitter = Duration::from_secs(30);
    let delays: Vec<_> =
        (1..4).map(|minute| jittered.starts("report", time(minute * 60)).0 - time(minute * 60).0).collect();
    assert_eq!(delays, [4_342_199, 6_003_790, 5_671_956]);
    assert_eq!(minutely().starts("report", time(60)), time(60), "without jitter, it starts at its time");
}

#[test]
fn counts_are_added_up_and_stop_at_nine_digits() {
    let mut counts = TickCounts::default();
    let each = counts.named().into_iter().enumerate();
    each.for_each(|(index, (_, count))| *count = 1 << index);
    assert_eq!((counts.run(), counts.not_run()), (0b1111, 0b11_1111_0000));
    for (why, _) in [(NotRun::Expired, 0), (NotRun::Paused, 1)] {
        counts.skipped(why, u64::MAX);
    }
    assert_eq!((counts.expired, counts.paused), (999_999_999, 999_999_999));
    assert_eq!((TickOutcome::Abandoned.to_string(), NotRun::Paused.to_string()), ("abandoned".into(), "paused".into()));
}

#[test]
fn the_status_of_a_task_says_what_its_record_says() {
    let mut bench = Bench::of(minutely());
    let status = |bench: &Bench| TaskTicks::of(&bench.annotations, "report").unwrap();
    let waiting = status(&bench);
    assert_eq!((waiting.state(), waiting.last(), waiting.is_paused()), (TickState::Waiting, None, false));
    assert_eq!(waiting.accounted_until(), Some(time(0).into()));
    assert_eq!((waiting.next(), waiting.last_trigger(), waiting.trouble()), (Some(time(60).into()), None, None));
    let start = bench.at(60).write().remove(0);
    assert_eq!(status(&bench).state(), TickState::Taken);
    assert_eq!((status(&bench).running().len(), status(&bench).given_back().len()), (1, 0));
    assert!(bench.ticks.is_running());
    bench.ticks.ended(start.id, RunEnd::Done);
    assert!(!bench.ticks.is_running());
    bench.write();
    bench.ask(PAUSE, Some(""));
    let ended = status(&bench);
    assert_eq!((ended.state(), ended.counts().done), (TickState::Ended(TickOutcome::Done), 1));
    assert_eq!(
        ended.last().map(|run| (run.tick, run.attempt, run.ended)),
        Some((time(60).into(), 1, Some(time(60).into())))
    );
    assert!(ended.is_paused() && !ended.is_done());
    assert_eq!(TaskTicks::all(&bench.annotations).into_keys().collect::<Vec<_>>(), ["report"]);
    bench.ask(TRIGGER, Some("now"));
    bench.write();
    assert_eq!(status(&bench).last_trigger(), Some("now"));
}

#[test]
fn a_record_of_a_task_that_has_not_joined_is_reported_while_the_term_lasts() {
    let mut bench = Bench::of(minutely());
    let record = bench.annotations[&format!("{RECORD}report")].clone();
    bench.annotations.insert(format!("{RECORD}other"), record);
    bench.annotations.insert(format!("{PAUSE}misspelt"), String::new());
    bench.annotations.insert(format!("{TRIGGER}report"), "two words".to_owned());
    bench.see();
    assert_eq!(bench.ticks.unknown(), ["other"]);
    assert_eq!(bench.ticks.unknown_requests(), [format!("{PAUSE}misspelt")]);
    assert_eq!(bench.ticks.refused().len(), 1);
    bench.ticks.drain();
    assert!(bench.ticks.unknown().is_empty() && bench.ticks.unknown_requests().is_empty());
}

#[test]
fn a_replica_that_is_behind_the_record_by_more_than_ten_seconds_says_so() {
    let bench = Bench::of(minutely());
    let behind = |seconds: i64| bench.ticks.behind(TickTime { wall: time(-seconds), server: None, random: 1 });
    assert_eq!((behind(10), behind(11), behind(-60)), (None, Some(Duration::from_secs(11)), None));
}
