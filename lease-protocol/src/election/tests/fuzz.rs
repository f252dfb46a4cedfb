//! Arbitrary content of a Lease, as a candidate and as a holder see it.

use lease_fuzz::Target;
use serde_json::Value;

use super::*;

/// Longer waits are not waited for to the end.
const PATIENCE: u64 = 60;

/// A record with these fields, as far as they are of the right type.
fn read(fields: &Value) -> Record {
    let number = |name: &str| fields[name].as_i64().and_then(|number| i32::try_from(number).ok());
    let time = |name: &str| fields[name].as_i64().map(WallTime);
    Record {
        holder: fields["holder"].as_str().map(str::to_owned),
        duration_seconds: number("duration"),
        acquired: time("acquired"),
        renewed: time("renewed"),
        transitions: number("transitions"),
    }
}

/// C2: a candidate waits for the duration in the record. One that cannot be used is not a shorter wait than its own.
fn waits(record: &Record) -> &'static str {
    let (mut bench, view) = Bench::waiting_for(|seen| *seen = record.clone());
    if record.holder.as_deref().unwrap_or_default().is_empty() {
        let [(_, Request::Replace { record, .. })] = &bench.open[..] else {
            panic!("a free lease is not taken: {:?}", bench.open)
        };
        assert!(record.transitions.is_some_and(|count| count >= 0), "{record:?}");
        return "free";
    }
    let own = Timing::default().lease_duration.as_secs();
    let wait =
        record.duration_seconds.filter(|seconds| *seconds > 0).map_or(own, |seconds| seconds.unsigned_abs().into());
    let mine = record.holder.as_deref() == Some(ME);
    for second in 0..=wait.min(PATIENCE) {
        let gets = std::mem::take(&mut bench.open);
        for (id, request) in gets {
            match request {
                Request::Get => {
                    let answer = Answer::Shown(Observation::Present(view.clone()));
                    bench.step(Event::Answered { id, answer });
                }
                _ if mine => return "mine",
                _ => {
                    assert!(second >= wait, "the lease was taken after {second} s and not after {wait} s: {record:?}");
                    return "taken";
                }
            }
        }
        bench.pass(SECOND).woken();
    }
    assert!(wait > PATIENCE || !bench.open.is_empty(), "the lease was not taken after {wait} s: {record:?}");
    if wait > PATIENCE { "held" } else { "taken" }
}

/// H1, H3, H4: what a holder sees never extends its term, and anything but its own record ends it.
fn extends_nothing(record: &Record) {
    let (mut bench, view) = Bench::leading();
    let own = *record == view.record;
    bench.revision += 1;
    let version = Version { revision: bench.revision, ..view.version };
    bench.step(Event::Seen(Observation::Present(View { version, record: record.clone(), successor: None })));
    let acts = bench.take_acts();
    assert!(!acts.iter().any(|act| matches!(act, Action::Extend(_) | Action::Begin(_))), "{record:?}: {acts:?}");
    assert_eq!(bench.election.may_run(bench.now), own, "{record:?}: {acts:?}");
    bench.pass(Timing::default().hard_stop());
    assert!(!bench.election.may_run(bench.now), "{record:?} extends a term");
}

fn check(input: &[u8]) -> &'static str {
    let Ok(fields) = serde_json::from_slice::<Value>(input) else { return "no JSON" };
    let record = read(&fields);
    extends_nothing(&record);
    waits(&record)
}

const RECORD: Target = Target {
    name: "record",
    words: &["me", "other", "", "holder", "duration", "acquired", "renewed", "transitions"],
    check,
    reaches: &["free", "mine", "taken", "held"],
};

#[test]
fn record() {
    lease_fuzz::run(&RECORD);
}
