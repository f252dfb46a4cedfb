//! Rule 9: a run whose body has not begun is given back, and nobody has started it.

use super::*;

const DELIVERIES: [Delivery; 2] = [Delivery::AtMostOnce, Delivery::AtLeastOnce];

/// The write of a term that is about to end: a release, or a renewal while its bodies end.
fn release(story: &mut Story) {
    let now = story.now();
    let base = story.annotations.clone();
    let (number, edits) = story.ticks.compose(&base, now, false);
    let write = Write { number, base, edits };
    assert!(story.land(&write));
    story.ticks.committed(write.number);
}

#[test]
fn rule_9_what_the_write_under_way_takes_as_the_bodies_are_asked_to_end_is_the_successors_first_attempt() {
    for delivery in DELIVERIES {
        for shown in [true, false] {
            let mut story = Story::of(Timetable { delivery, ..minutely() });
            story.at(61);
            let write = story.compose();
            story.ticks.drain();
            assert!(story.land(&write));
            story.ticks.committed(write.number);
            // The election shows nothing any more once the bodies are gone.
            if shown {
                assert_eq!(story.see(), [], "nothing begins any more");
            }
            story.ticks.end();
            release(&mut story);
            assert_eq!(story.record().open.iter().map(|run| run.unstarted).collect::<Vec<_>>(), [true]);
            story.at(62).lead();
            assert!(story.wants_write(), "nobody waits for a renewal");
            assert_eq!(runs(&story.write()), [(60, 1)], "{delivery:?}, shown={shown}");
            assert_eq!((story.counts().run(), story.counts().not_run()), (0, 0), "it is on its way, and not lost");
        }
    }
}

#[test]
fn rule_9_a_run_is_given_back_if_its_write_lands_after_a_get_that_did_not_show_it() {
    let mut story = Story::of(minutely());
    story.at(61);
    let late = story.compose();
    story.ticks.drain();
    // The Lease as it was is shown once more, and the release is composed for it.
    assert_eq!(story.see(), []);
    let now = story.now();
    let base = story.annotations.clone();
    let (number, edits) = story.ticks.compose(&base, now, false);
    let conflicting = Write { number, base, edits };
    assert!(story.land(&late) && (!story.land(&conflicting) || conflicting.edits.is_empty()));
    assert_eq!(story.see(), []);
    story.ticks.end();
    release(&mut story);
    story.at(62).lead();
    assert_eq!(runs(&story.write()), [(60, 1)]);
}

#[test]
fn rule_9_a_run_that_may_have_begun_is_not_given_back() {
    for (delivery, again) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut story = Story::of(Timetable { delivery, ..minutely() });
        let run = story.at(61).write().remove(0);
        story.ticks.drain();
        story.ticks.ended(run.id, RunEnd::Interrupted);
        story.ticks.end();
        release(&mut story);
        story.at(62).lead();
        assert_eq!(runs(&story.write()), again);
    }
}

#[test]
fn rule_9_a_release_that_is_never_written_leaves_an_interrupted_run() {
    for (delivery, again) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut story = Story::of(Timetable { delivery, ..minutely() });
        let run = story.at(61).write().remove(0);
        story.ticks.drain();
        story.ticks.ended(run.id, RunEnd::NotStarted);
        story.ticks.end();
        story.at(62).lead();
        assert_eq!(runs(&story.write()), again, "nobody else can know");
    }
}

#[test]
fn rule_9_what_was_given_back_and_taken_by_somebody_else_is_not_given_back_again() {
    let mut story = Story::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let run = story.at(61).write().remove(0);
    let mut first = story.ticks.clone();
    first.drain();
    first.ended(run.id, RunEnd::NotStarted);
    first.end();
    std::mem::swap(&mut story.ticks, &mut first);
    release(&mut story);
    // Its answer is lost: the release is composed again, for what the Lease says now.
    let (said, now) = (story.annotations.clone(), story.now());
    assert_eq!(story.ticks.compose(&said, now, false).1, Edits::new());
    let mut before = std::mem::take(&mut story.ticks);
    story.at(62).next_term();
    let again = story.write().remove(0);
    assert_ne!(again.id, run.id);
    let now = story.now();
    assert_eq!(before.compose(&story.annotations.clone(), now, false).1, Edits::new());
    before.ended(run.id, RunEnd::Done);
    assert_eq!(before.compose(&story.annotations.clone(), now, false).1, Edits::new());
    story.ticks.ended(again.id, RunEnd::Done);
    assert_eq!(story.write(), []);
    assert_eq!((story.counts().done, story.counts().run()), (1, 1));
}

#[test]
fn rule_9_an_end_reported_after_a_run_was_given_back_changes_nothing() {
    for end in [RunEnd::Interrupted, RunEnd::Replaced, RunEnd::Done, RunEnd::Failed] {
        let mut story = Story::of(minutely());
        let run = story.at(61).write().remove(0);
        story.ticks.drain();
        story.ticks.ended(run.id, RunEnd::NotStarted);
        release(&mut story);
        story.ticks.ended(run.id, end);
        story.ticks.end();
        release(&mut story);
        story.at(62).lead();
        assert_eq!(runs(&story.write()), [(60, 1)], "{end:?}");
    }
}

#[test]
fn rule_9_a_run_whose_time_was_up_before_it_began_is_started_again_by_the_same_leader() {
    for delivery in DELIVERIES {
        let mut story = Story::of(Timetable { delivery, ..minutely() });
        let run = story.at(61).write().remove(0);
        story.ticks.ended(run.id, RunEnd::NotStarted);
        assert!(story.wants_write());
        let again = story.write();
        assert_eq!(runs(&again), [(60, 1)]);
        assert_ne!(again[0].id, run.id);
    }
}

#[test]
fn rule_9_the_next_term_of_the_process_itself_starts_what_it_has_not_begun() {
    let mut story = Story::of(minutely());
    story.at(61);
    let write = story.compose();
    assert!(story.land(&write));
    story.ticks.end();
    story.next_term();
    assert_eq!(runs(&story.write()), [(60, 1)]);
}

#[test]
fn what_was_given_back_keeps_its_deadline_its_trigger_and_what_was_missed_before_it() {
    // Late: it is not run, and counted for that reason.
    let mut story = Story::of(minutely());
    let run = story.at(61).write().remove(0);
    story.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut story);
    story.at(200).lead();
    assert_eq!(runs(&story.write()), [(180, 1)]);
    assert_eq!((story.counts().expired, story.counts().superseded, story.counts().run()), (2, 0, 0));
    // Missed.
    let deadline = Some(StartDeadline::Unlimited);
    let mut story = Story::of(Timetable { start_deadline: deadline, ..minutely() });
    let run = story.at(200).write().remove(0);
    assert_eq!(run.missed, 2);
    story.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut story);
    story.lead();
    assert_eq!(story.write().remove(0).missed, 2);
    // Triggered.
    let mut story = Story::of(minutely());
    story.ask(TRIGGER, Some("monday"));
    let run = story.write().remove(0);
    story.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut story);
    story.lead();
    let again = story.write().remove(0);
    assert_eq!((again.origin, again.trigger.as_deref()), (Origin::Trigger, Some("monday")));
}

#[test]
fn what_was_given_back_waits_for_the_end_of_a_pause() {
    let mut story = Story::of(Timetable { start_deadline: Some(StartDeadline::Unlimited), ..minutely() });
    let run = story.at(61).write().remove(0);
    story.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut story);
    story.annotations.insert(format!("{PAUSE}report"), "by hand".to_owned());
    story.at(70).lead();
    assert_eq!(story.write(), []);
    story.ask(PAUSE, None);
    assert_eq!(runs(&story.write()), [(60, 1)]);
}

#[test]
fn people_see_what_was_given_back_apart_from_what_runs() {
    let mut story = Story::of(minutely());
    let run = story.at(61).write().remove(0);
    let of = |story: &Story| TaskTicks::all(&story.annotations)["report"].clone();
    assert_eq!((of(&story).state(), of(&story).running().len()), (TickState::Taken, 1));
    story.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut story);
    assert_eq!((of(&story).state(), of(&story).running().len()), (TickState::Waiting, 0));
    assert_eq!(of(&story).given_back().iter().map(|run| run.attempt).collect::<Vec<_>>(), [1]);
}
