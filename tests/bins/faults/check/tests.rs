//! Each check finds what it is for.

use super::*;

fn log(text: &str) -> Vec<Event> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| Event::parse(line).unwrap_or_else(|| panic!("not an event: {line}"))).collect()
}

fn outcome(text: &str) -> Outcome {
    Outcome::of(&log(text), &Audit { accepted: 1, ..Audit::default() })
}

const SOUND: &str = "
    1000000000 a_1 11 started 5
    1000000001 a_1 11 enter 5
    1000000002 a_1 11 leave 5
    1000000002 test 1 slice 5 a
    1000000003 a_1 11 tick 5 tick 2026-01-01T00:00:00Z 1 schedule
    1000000004 a_1 11 stopped 5
    2000000000 b_1 22 started 7
    2000000001 b_1 22 enter 7
    2000000002 b_1 22 leave 7
    2000000002 test 1 slice 5 -
    2000000003 b_1 22 tick 7 tick 2026-01-01T00:00:10Z 1 schedule";

#[test]
fn a_sound_log_has_no_violation() {
    let outcome = outcome(SOUND);
    assert_eq!(outcome.violations, [""; 0]);
    assert_eq!((outcome.terms, outcome.handovers, outcome.ticks, outcome.beats.len()), (2, 1, 2, 2));
}

#[test]
fn an_effect_after_the_first_of_a_later_term_is_a_violation() {
    let outcome = outcome(&format!("{SOUND}\n3000000000 a_1 11 enter 5\n3000000001 a_1 11 leave 5"));
    assert_eq!(
        outcome.violations,
        [
            "two at once: term 5 (process 11) had an effect from +1.0000 s to +1.0000 s, where 0 is the first effect of term 7"
        ]
    );
}

#[test]
fn a_stop_explains_the_effect_that_it_interrupts_and_no_other() {
    let late = "
        1000000005 a_1 11 enter 5
        1000000006 a_1 11 stopping 5
        3000000000 test 1 continue 0 11
        3000000001 a_1 11 leave 5";
    let once = outcome(&format!("{SOUND}{late}"));
    assert_eq!(once.violations, [""; 0]);
    assert_eq!(once.explained.len(), 1);
    let twice = outcome(&format!("{SOUND}{late}\n3000000002 a_1 11 enter 5\n3000000003 a_1 11 leave 5"));
    assert_eq!((twice.violations.len(), twice.explained.len()), (1, 1));
}

#[test]
fn a_stop_of_another_process_or_at_another_time_explains_nothing() {
    for stop in [
        "3000000000 test 1 stop 0 22\n3500000000 test 1 continue 0 22",
        "5000000000 test 1 stop 0 11\n6000000000 test 1 continue 0 11",
        "1000000000 test 1 stop 0 11\n1000000001 test 1 continue 0 11",
    ] {
        let late = "3000000001 a_1 11 enter 5\n4000000000 a_1 11 leave 5";
        assert_eq!(outcome(&format!("{SOUND}\n{stop}\n{late}")).violations.len(), 1, "{stop}");
    }
}

#[test]
fn tokens_that_do_not_grow_are_a_violation() {
    let outcome = outcome(&format!("{SOUND}\n2500000000 a_1 11 started 6"));
    assert_eq!(outcome.violations, ["tokens do not grow: 6 of a_1 began after 7 of b_1"]);
}

#[test]
fn a_second_body_in_a_process_is_a_violation() {
    let outcome = outcome(&format!("{SOUND}\n2500000000 b_1 22 started 8"));
    assert_eq!(outcome.violations, ["b_1 has started a body in term 8 beside that of 7"]);
}

#[test]
fn programs_of_exec_may_follow_each_other_and_not_run_beside_each_other() {
    let programs = "
        3000000000 c_30 31 started 8 run by 30
        3000000001 c_30 31 enter 8
        4000000000 c_30 32 started 9 run by 30
        4000000001 c_30 32 enter 9";
    let sound = outcome(&format!("{SOUND}{programs}"));
    assert_eq!(sound.violations, [""; 0]);
    assert_eq!((sound.programs, sound.terms), (2, 4));
    let late = "4000000002 c_30 31 leave 8";
    assert_eq!(
        outcome(&format!("{SOUND}{programs}\n{late}")).violations,
        [
            "two at once: term 8 (process 31) had an effect from -1.0000 s to +0.0000 s, where 0 is the first effect of term 9",
            &format!("a program of exec goes on beside the next one: {late}")
        ]
    );
}

#[test]
fn a_stop_of_exec_explains_nothing_that_its_program_does() {
    let stop = "2100000000 test 1 hold 0 11\n3500000000 test 1 resume 0 11\n2100000000 test 1 stop 0 10";
    let log = format!("{SOUND}\n{stop}\n3000000001 a_1 11 enter 5\n4000000000 a_1 11 leave 5");
    assert_eq!(outcome(&log).violations.len(), 1);
}

#[test]
fn a_program_that_a_starved_exec_has_started_is_starved_too() {
    let starved = |until: &str| {
        format!(
            "900000000 test 1 starve 0 30\n1000000000 c_30 31 started 5 run by 30\n1200000000 c_30 31 enter 5
            {until} test 1 feed 0 30\n2100000000 c_30 31 leave 5
            1500000000 test 1 slice 5 -\n2000000000 b_1 22 started 7\n2000000001 b_1 22 enter 7"
        )
    };
    let explained = |until: &str| {
        let mut events = log(&starved(until));
        events.sort_by_key(|event| event.at);
        let outcome = Outcome::of(&events, &Audit { accepted: 1, ..Audit::default() });
        (outcome.violations.len(), outcome.explained.len())
    };
    assert_eq!(explained("2050000000"), (0, 1));
    // It was fed again long before.
    assert_eq!(explained("1000000000"), (1, 0));
}

#[test]
fn the_slice_never_goes_back_and_leads_to_the_pod_of_its_token() {
    for (state, told) in [
        ("2500000000 test 1 slice 4 -", "the slice had token 4 after 5"),
        ("2500000000 test 1 slice 7 a", "the slice led to a with token 7, which b_1 had"),
    ] {
        assert_eq!(outcome(&format!("{SOUND}\n{state}")).violations, [told]);
    }
    assert_eq!(outcome(&format!("{SOUND}\n2500000000 test 1 slice 7 b")).violations, [""; 0]);
}

#[test]
fn a_tick_that_starts_twice_is_a_violation() {
    let outcome = outcome(&format!("{SOUND}\n2500000000 b_1 22 tick 7 tick 2026-01-01T00:00:00Z 2 schedule"));
    assert_eq!(
        outcome.violations,
        ["the tick of 2026-01-01T00:00:00Z was started 2 times: by a_1 in term 5, by b_1 in term 7"]
    );
}

#[test]
fn the_target_may_refuse_only_what_was_replaced() {
    assert_eq!(outcome(&format!("{SOUND}\n2500000000 a_1 11 refused 5")).violations, [""; 0]);
    assert_eq!(outcome(&format!("{SOUND}\n2500000000 b_1 22 refused 7")).violations.len(), 1);
}

#[test]
fn an_empty_log_is_a_violation() {
    assert_eq!(Outcome::of(&[], &Audit::default()).violations.len(), 4);
}
