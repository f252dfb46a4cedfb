//! W2: requests are not too frequent, and they are frequent enough.

use super::*;

/// Answers every request at once with the result of `answer`, for `span`. Returns how many requests there were.
fn count(bench: &mut Bench, span: Duration, mut answer: impl FnMut(&mut Bench, &Request) -> Answer) -> u32 {
    let end = bench.now + span;
    let mut requests = 0;
    bench.woken();
    loop {
        while let Some((id, request)) = bench.open.pop() {
            requests += 1;
            let answer = answer(bench, &request);
            bench.step(Event::Answered { id, answer });
        }
        match bench.election.wake_at() {
            Some(at) if at <= end => bench.pass(at.since(bench.now)).woken(),
            _ => return requests,
        };
    }
}

#[test]
fn a_server_that_refuses_everything_receives_few_requests() {
    let minute = 60 * SECOND;
    let refuse = |_: &mut Bench, _: &Request| Answer::Refused { retry_after: None, unreached: false };
    assert!(count(&mut Bench::new(), minute, refuse) <= 31);
    let unknown = |_: &mut Bench, _: &Request| Answer::Unknown;
    assert!(count(&mut Bench::new(), minute, unknown) <= 31);
    let unreached = |_: &mut Bench, _: &Request| Answer::Refused { retry_after: None, unreached: true };
    assert!(count(&mut Bench::new(), minute, unreached) <= 121);
}

#[test]
fn conflicts_with_every_write_stay_within_the_cap() {
    let (mut bench, mut view) = Bench::leading();
    let requests = count(&mut bench, 60 * SECOND, |bench, request| match request {
        Request::Get => {
            view = bench.annotated(&view);
            Answer::Shown(Observation::Present(view.clone()))
        }
        _ => Answer::Conflict,
    });
    assert!(requests <= 8 + 121, "{requests}");
}

#[test]
fn a_retry_after_is_obeyed() {
    let mut bench = Bench::new();
    let wait = Some(10 * SECOND);
    let requests = count(&mut bench, 60 * SECOND, |_, _| Answer::Refused { retry_after: wait, unreached: false });
    assert!(requests <= 7, "{requests}");
}

#[test]
fn a_retry_after_that_is_too_long_does_not_cost_the_term() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).answer(Answer::Refused { retry_after: Some(60 * SECOND), unreached: false });
    bench.run(5 * SECOND - Duration::from_millis(1));
    let writes = bench.open.iter().filter(|(_, request)| *request != Request::Get).count();
    assert_eq!(writes, 1, "tries again before the renew deadline");
}

#[test]
fn a_timeout_is_not_followed_by_another_wait() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).pass(Timing::default().attempt_timeout()).answer(Answer::Unknown);
    assert_eq!(bench.request().1, Request::Get);
}

#[test]
fn a_held_lease_costs_one_write_per_period() {
    let (mut bench, _) = Bench::leading();
    let requests = count(&mut bench, 60 * SECOND, |bench, request| {
        let Request::Replace { record, .. } = request else { panic!("{request:?}") };
        bench.revision += 1;
        let version = Version { uid: "u".to_owned(), revision: bench.revision };
        Answer::Committed(View { version, record: record.clone(), successor: None })
    });
    assert_eq!(requests, 12);
}
