//! R1 and R2: what a late answer still proves, and what is proved without an answer.

use super::*;

/// A server whose writes take effect `latency` after they were sent and are answered then. It answers gets at once.
struct Slow {
    bench: Bench,
    latency: Duration,
    stored: Option<View>,
    /// Writes in flight, and when they take effect.
    under_way: Vec<(Moment, RequestId, Request)>,
    gets: u32,
    writes: u32,
    most: usize,
}

impl Slow {
    fn new(latency: Duration) -> Slow {
        Slow { bench: Bench::new(), latency, stored: None, under_way: Vec::new(), gets: 0, writes: 0, most: 0 }
    }

    fn observation(&self) -> Observation {
        self.stored.clone().map_or(MISSING, Observation::Present)
    }

    fn serve(&mut self) {
        while let Some((id, request)) = self.bench.open.pop() {
            if request == Request::Get {
                self.gets += 1;
                let answer = Answer::Shown(self.observation());
                self.bench.step(Event::Answered { id, answer });
            } else {
                self.writes += 1;
                self.under_way.push((self.bench.now + self.latency, id, request));
                self.most = self.most.max(self.under_way.len());
            }
        }
    }

    fn land(&mut self) {
        let due = self.under_way.iter().position(|(at, ..)| *at <= self.bench.now);
        let Some((_, id, request)) = due.map(|at| self.under_way.remove(at)) else { return };
        let base = self.stored.as_ref().map(|view| view.version.clone());
        let record = match request {
            Request::Create(record) if base.is_none() => Some(record),
            Request::Replace { base: named, record } if Some(&named) == base.as_ref() => Some(record),
            _ => None,
        };
        let answer = match record {
            Some(record) => {
                self.bench.revision += 1;
                let version = Version { uid: "u".to_owned(), revision: self.bench.revision };
                self.stored = Some(View { version, record, successor: None });
                Answer::Committed(self.stored.clone().unwrap())
            }
            None => Answer::Conflict,
        };
        self.bench.step(Event::Answered { id, answer });
    }

    fn run(&mut self, span: Duration) {
        let end = self.bench.now + span;
        self.bench.woken();
        loop {
            self.serve();
            let landing = self.under_way.iter().map(|(at, ..)| *at).min();
            let next = [self.bench.election.wake_at(), landing].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.bench.pass(next.since(self.bench.now)).woken();
            self.land();
        }
    }
}

#[test]
fn a_server_with_slow_writes_is_led_and_its_leader_stays() {
    for (seconds, most_gets) in [(0, 1), (1, 1), (2, 30), (4, 70), (6, 70), (8, 70)] {
        let mut slow = Slow::new(seconds * SECOND);
        slow.run(120 * SECOND);
        let acts = slow.bench.take_acts();
        let begun = acts.iter().filter(|act| matches!(act, Action::Begin(_))).count();
        let lost = acts.iter().filter(|act| matches!(act, Action::Cancel(_) | Action::Expire)).count();
        assert_eq!((begun, lost), (1, 0), "{seconds} s: {acts:?}");
        assert_eq!(slow.bench.election.role(), Role::Leading, "{seconds} s");
        assert_eq!(slow.most, 1, "{seconds} s: never two writes at once");
        assert!(slow.gets <= most_gets, "{seconds} s: {} gets for {} writes", slow.gets, slow.writes);
    }
}

#[test]
fn r1_an_observed_renewal_counts_from_when_it_was_sent() {
    for by_get in [false, true] {
        let (mut bench, _) = Bench::leading();
        bench.run(5 * SECOND);
        let sent = bench.now;
        let stored = bench.stored();
        let (write, _) = bench.request();
        if by_get {
            bench.run(2 * SECOND).show(Observation::Present(stored.clone()));
        } else {
            bench.pass(2 * SECOND).step(Event::Seen(Observation::Present(stored.clone())));
        }
        let acts = bench.take_acts();
        assert!(matches!(acts[..], [Action::Extend(until)] if until.hard_stop == sent + 12 * SECOND), "{acts:?}");
        bench.pass(SECOND).step(Event::Answered { id: write, answer: Answer::Committed(stored) });
        assert!(bench.is_quiet(), "the answer changes nothing: {:?}", bench.acted);
    }
}

#[test]
fn r1_a_record_that_differs_in_anything_acknowledges_nothing() {
    let change: [fn(&mut View); 6] = [
        |view| view.record.renewed = view.record.renewed.map(|at| WallTime(at.0 + 1)),
        |view| view.record.acquired = view.record.acquired.map(|at| WallTime(at.0 - 1)),
        |view| view.record.transitions = view.record.transitions.map(|count| count + 1),
        |view| view.record.duration_seconds = Some(14),
        |view| view.record.holder = Some("me too".to_owned()),
        |view| view.version.uid = "v".to_owned(),
    ];
    for (index, change) in change.into_iter().enumerate() {
        let mut bench = Bench::new();
        let free = bench.free();
        bench.woken().show(Observation::Present(free)).step(Event::WatchOpened);
        let mut stored = bench.stored();
        change(&mut stored);
        bench.step(Event::Seen(Observation::Present(stored)));
        assert!(bench.take_acts().is_empty(), "change {index}");
    }
}

#[test]
fn r1_a_term_that_is_over_is_not_revived_by_an_observation() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let stored = bench.stored();
    bench.pass(8 * SECOND).step(Event::Seen(Observation::Present(stored)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::NotRenewed)), Action::Expire]);
    assert!(!bench.election.may_run(bench.now));
}

#[test]
fn r1_no_two_acquisitions_write_the_same_record() {
    // A create is given up, a get shows no Lease, and the next create is sent while the calendar stands still. If the
    // first create is observed later, it must not count from when the second was sent.
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let first = bench.stored();
    bench.answer(Answer::Unknown).run(3 * SECOND).show(MISSING);
    bench.wall -= 3_600_000_000;
    let (_, second) = bench.request();
    assert!(matches!(second, Request::Create(record) if record != first.record));
}

#[test]
fn r1_a_count_of_transitions_at_its_end_repeats_no_record() {
    let mut bench = Bench::new();
    let mut full = bench.theirs("");
    full.record.transitions = Some(i32::MAX);
    bench.woken().show(Observation::Present(full));
    let first = bench.stored();
    bench.answer(Answer::Conflict);
    let again = bench.annotated(&first);
    bench.show(Observation::Present(again));
    let (_, second) = bench.request();
    assert!(matches!(second, Request::Replace { record, .. } if record != first.record));
}

#[test]
fn r2_a_write_that_had_not_taken_effect_counts_from_the_get() {
    let (mut bench, view) = Bench::leading();
    bench.run(5 * SECOND);
    let stored = bench.stored();
    let (write, _) = bench.request();
    bench.run(2 * SECOND);
    let get_sent = bench.now;
    bench.pass(SECOND).show(Observation::Present(view));
    assert!(bench.take_acts().is_empty(), "the get alone extends nothing");
    bench.pass(SECOND).step(Event::Answered { id: write, answer: Answer::Committed(stored) });
    let acts = bench.take_acts();
    assert!(matches!(acts[..], [Action::Extend(until)] if until.hard_stop == get_sent + 12 * SECOND), "{acts:?}");
}

#[test]
fn r2_a_watch_does_not_prove_that_a_write_is_still_to_come() {
    let (mut bench, view) = Bench::leading();
    bench.run(5 * SECOND);
    let sent = bench.now;
    let stored = bench.stored();
    bench.pass(SECOND).step(Event::Seen(Observation::Present(view)));
    bench.pass(SECOND).answer(Answer::Committed(stored));
    let acts = bench.take_acts();
    assert!(matches!(acts[..], [Action::Extend(until)] if until.hard_stop == sent + 12 * SECOND), "{acts:?}");
}

#[test]
fn r2_a_missing_lease_may_have_been_created_and_deleted_already() {
    // The create takes effect, and the Lease is deleted before the get. A candidate that observed it waits from then
    // on, not from the get.
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let sent = bench.now;
    let stored = bench.stored();
    let (write, _) = bench.request();
    bench.run(4 * SECOND).show(MISSING);
    bench.pass(SECOND).step(Event::Answered { id: write, answer: Answer::Committed(stored.clone()) });
    assert!(bench.take_acts().is_empty(), "{:?}", bench.acted);
    // If a get that was sent after that one shows the Lease, it was created in between.
    bench.pass(SECOND / 10).show(Observation::Present(stored));
    let acts = bench.take_acts();
    let get_sent = sent + 4 * SECOND;
    assert!(
        matches!(&acts[..], [Action::Begin(grant)] if grant.deadlines.hard_stop == get_sent + 12 * SECOND),
        "{acts:?}"
    );
}

#[test]
fn a_quick_write_costs_no_get() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).run(2 * SECOND - Duration::from_millis(1));
    assert_eq!(bench.open.len(), 1, "{:?}", bench.open);
}

#[test]
fn a_write_that_cannot_succeed_any_more_is_not_waited_for() {
    // A label is added while the renewal is in flight, so the next renewal names the labelled state.
    let (mut bench, view) = Bench::leading();
    bench.run(5 * SECOND);
    let (impossible, _) = bench.request();
    let labelled = bench.annotated(&view);
    bench.step(Event::Seen(Observation::Present(labelled.clone())));
    let (_, request) = bench.open[0].clone();
    assert!(matches!(request, Request::Replace { base, .. } if base == labelled.version));
    bench.step(Event::Answered { id: impossible, answer: Answer::Conflict });
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Extend(_)]));
}

#[test]
fn a_create_that_was_overtaken_is_not_waited_for() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING).step(Event::WatchOpened);
    let (create, _) = bench.request();
    let theirs = bench.theirs("other");
    bench.step(Event::Seen(Observation::Present(theirs)));
    bench.pass(15 * SECOND).woken();
    let (_, takeover) = bench.open.pop().unwrap();
    assert!(matches!(takeover, Request::Replace { .. }), "{takeover:?}");
    bench.step(Event::Answered { id: create, answer: Answer::Conflict });
    assert!(bench.acted.is_empty());
}

#[test]
fn leaving_with_a_slow_write_under_way_is_bounded() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    bench.take_acts();
    bench.open.clear();
    bench.run(15 * SECOND - Duration::from_millis(1));
    assert!(bench.acted.is_empty(), "{:?}", bench.acted);
    bench.run(Duration::from_millis(1));
    assert_eq!(bench.take_acts(), [Action::Left { released: false }]);
}

#[test]
fn a_get_that_shows_the_release_completes_the_leave() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    bench.take_acts();
    let released = bench.stored();
    bench.open.clear();
    bench.run(4 * SECOND).show(Observation::Present(released));
    assert_eq!(bench.take_acts(), [Action::Left { released: true }]);
}

#[test]
fn r1_a_renewal_of_ours_in_another_object_extends_nothing() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let mut stored = bench.stored();
    stored.version.uid = "v".to_owned();
    bench.step(Event::Seen(Observation::Present(stored)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::Deleted)), Action::Expire]);
}

#[test]
fn an_acquisition_that_took_effect_late_is_not_written_over() {
    // The answer to it is lost, and a get shows the state before it. Then the watch shows it.
    let mut bench = Bench::new();
    let free = bench.free();
    bench.woken().show(Observation::Present(free.clone())).step(Event::WatchOpened);
    let first = bench.stored();
    bench.answer(Answer::Unknown).run(3 * SECOND).show(Observation::Present(free));
    let (impossible, _) = bench.request();
    bench.pass(SECOND / 10).step(Event::Seen(Observation::Present(first.clone())));
    // A second acquisition would end the term of the first, because this process would not recognize the first record
    // any more.
    assert_eq!(bench.open.last().map(|(_, request)| request), Some(&Request::Get));
    bench.show(Observation::Present(first.clone()));
    bench.step(Event::Answered { id: impossible, answer: Answer::Conflict });
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]), "{:?}", bench.acted);
    // The next write renews that term.
    let (_, next) = bench.run(4 * SECOND).request();
    assert_eq!(renewal(&next).acquired, first.record.acquired);
}
