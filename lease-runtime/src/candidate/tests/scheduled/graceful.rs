//! Terms that end in order around a tick: it runs once, as the first attempt.

use tokio::sync::watch;

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ends {
    Shutdown,
    StepDown,
    NoPart,
}

/// The story of the tick at 22:14, if the term of `a` ends so many milliseconds from it and requests take so long.
async fn end_around_the_tick(ends: Ends, offset: i64, request: Duration) -> Vec<String> {
    let world = World::new();
    let (ready, part) = watch::channel(true);
    world.api.inject(RequestMatcher::any(), Fault::none().delayed(request).slow_answer(request));
    let mut candidates = Vec::new();
    for who in ["a", "b"] {
        let candidate = world.candidate(who).await;
        for (name, delivery) in [("once", Delivery::AtMostOnce), ("again", Delivery::AtLeastOnce)] {
            let who = &*Box::leak(format!("{name} {who}").into_boxed_str());
            let task = telling(&world.story, name, who, 0).every(Duration::from_secs(60)).delivery(delivery);
            drop(candidate.add(if who.ends_with('a') { task.contend_when(part.clone()) } else { task }));
        }
        candidates.push((Running::start(&candidate), candidate));
        seconds(5).await;
    }
    assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    // The world began at 22:13:20.
    sleep(Duration::from_millis(30_000_u64.saturating_add_signed(offset))).await;
    let (_b, (a, candidate)) = (candidates.pop().unwrap(), candidates.pop().unwrap());
    match ends {
        Ends::Shutdown => drop(tokio::spawn(a.end())),
        Ends::StepDown => assert!(candidate.step_down("ledger")),
        Ends::NoPart => drop(ready.send(false)),
    }
    seconds(70).await;
    for name in ["once", "again"] {
        let counts = ticks(&world, name).counts();
        assert_eq!((counts.done, counts.run(), counts.not_run()), (2, 2, 0), "{ends:?} {offset} ms {request:?} {name}");
    }
    let mut lines = world.story.lines();
    lines.retain(|what| what.contains("T22:14:00Z #"));
    lines
}

async fn each_offset(request: u64) {
    for (ends, step) in [(Ends::Shutdown, 1), (Ends::StepDown, 5), (Ends::NoPart, 5)] {
        for offset in (-50..=50).step_by(step) {
            let lines = end_around_the_tick(ends, offset, Duration::from_millis(request)).await;
            for name in ["once", "again"] {
                let of: Vec<&String> = lines.iter().filter(|what| what.starts_with(name)).collect();
                let once = matches!(&of[..], [only] if only.ends_with("#1"));
                assert!(once, "{ends:?} at {offset} ms, requests of {request} ms twice: {lines:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_term_that_ends_around_a_tick_costs_no_tick() {
    each_offset(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_term_that_ends_around_a_tick_costs_no_tick_where_requests_are_slow() {
    each_offset(20).await;
}
