//! A holder that has something to write renews early, under the same rules.

use super::*;

#[test]
fn a_hurry_renews_at_once_and_once_and_the_next_renewal_counts_from_there() {
    let (mut bench, _) = Bench::leading();
    bench.pass(SECOND);
    let sent = bench.now;
    bench.step(Event::Hurry);
    assert!(matches!(bench.open[..], [(_, Request::Replace { .. })]), "{:?}", bench.open);
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Extend(until)] if until.hard_stop == sent + 12 * SECOND));
    assert!(bench.is_quiet(), "one hurry, one renewal");
    bench.run(5 * SECOND);
    assert_eq!(bench.open.len(), 1, "the next renewal comes when it is due");
}

#[test]
fn w1_a_hurry_after_an_unknown_outcome_gets_before_it_writes() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    bench.answer(Answer::Unknown).step(Event::Hurry);
    // It is sent after the pause that follows a failure.
    bench.run(3 * SECOND);
    assert!(matches!(bench.open[..], [(_, Request::Get)]), "{:?}", bench.open);
}

#[test]
fn w2_endless_hurries_stay_within_the_cap() {
    let (mut bench, _) = Bench::leading();
    let mut writes = 0;
    for _ in 0..1_000 {
        bench.pass(SECOND / 100).step(Event::Hurry);
        if !bench.open.is_empty() {
            bench.commit();
            writes += 1;
        }
    }
    // A burst of eight, and then one request in each quarter of the retry period, for ten seconds.
    assert!((20..=8 + 20).contains(&writes), "{writes} writes");
}

#[test]
fn a_hurry_after_the_term_does_nothing() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Hurry);
    assert!(bench.is_quiet());
}
