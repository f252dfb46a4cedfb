//! How many requests ticks cost, and which clock they use.

use super::*;
use crate::embedded::Verb;

/// Requests for the lease within ten minutes, by kind, after the first minute.
async fn requests(task: Option<LeaderTask<Result<(), String>>>) -> (usize, usize) {
    let world = World::new();
    let a = world.candidate("a").await;
    a.add(world.obedient("body", LEDGER));
    task.into_iter().for_each(|task| drop(a.add(task)));
    let a = Running::start(&a);
    seconds(60).await;
    let count = |write: bool| {
        let entries = world.api.requests().entries();
        entries.iter().filter(|entry| entry.call.verb != Verb::Watch && entry.call.verb.is_write() == write).count()
    };
    let before = (count(true), count(false));
    seconds(600).await;
    let after = (count(true) - before.0, count(false) - before.1);
    a.end().await.unwrap();
    after
}

#[tokio::test(start_paused = true)]
async fn a_tick_costs_its_taking_and_its_end_and_nothing_in_between() {
    let (renewals, looks) = requests(None).await;
    assert_eq!(looks, 0);
    let story = Story::default();
    for (every, takes) in [(60, 2), (60, 30), (30, 0)] {
        let task = telling(&story, "t", "a", takes).every(Duration::from_secs(every));
        let (writes, looks) = requests(Some(task)).await;
        let ticks = 600 / usize::try_from(every).unwrap();
        assert_eq!(looks, 0, "every {every} s");
        // A renewal that takes a tick is also a renewal, so the next one is due later.
        assert!(writes <= renewals + 2 * ticks, "every {every} s: {writes} writes, {renewals} renewals, {ticks} ticks");
    }
}

#[tokio::test(start_paused = true)]
async fn ticks_of_several_tasks_that_are_due_together_cost_one_write() {
    let world = World::new();
    let a = world.candidate("a").await;
    for name in ["one", "two", "three", "four", "five"] {
        a.add(telling(&world.story, name, "a", 7).every(Duration::from_secs(60)));
    }
    let a = Running::start(&a);
    seconds(39).await;
    let writes = || world.api.requests().entries().iter().filter(|entry| entry.call.verb.is_write()).count();
    let before = writes();
    seconds(3).await;
    assert_eq!(world.story.grown_to(5).await.len(), 5);
    assert!(writes() - before <= 2, "{} writes", writes() - before);
    a.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_renewal_right_before_a_tick_does_not_make_it_late() {
    for millis in (4000..5000).step_by(100) {
        let world = World::new();
        let a = world.candidate("a").await;
        let story = world.story.clone();
        let task = LeaderTask::scheduled("t", LEDGER, move |_: Term, tick: Tick| {
            story.add(tick.lateness().as_millis().to_string());
            async {}
        });
        a.add(task.every(Duration::from_secs(60)));
        sleep(Duration::from_millis(millis)).await;
        let running = Running::start(&a);
        seconds(60).await;
        let late: u64 = world.story.grown_to(1).await[0].parse().unwrap();
        assert!(late < 50, "{late} ms, started after {millis} ms");
        running.end().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn ticks_without_records_cost_no_requests() {
    let (renewals, _) = requests(None).await;
    let story = Story::default();
    let task = telling(&story, "t", "a", 0).every(Duration::from_secs(2)).catch_up(crate::CatchUp::None);
    let (writes, looks) = requests(Some(task)).await;
    assert_eq!((writes, looks), (renewals, 0));
    assert!(story.lines().len() >= 600, "{} starts and ends in 660 s", story.lines().len());
}

/// The machine's clock, which is wrong by so many seconds.
#[derive(Debug)]
struct Wrong(Arc<dyn Clock>, i64);

impl Clock for Wrong {
    fn now(&self) -> crate::clock::Moment {
        self.0.now()
    }

    fn wall(&self) -> WallTime {
        WallTime(self.0.wall().0 + self.1 * 1_000_000)
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_clock_is_far_ahead_uses_the_servers_time() {
    let year = 365 * 86_400;
    let world = World::new();
    let client = world.api.client_as("a", "default");
    let wrong = Arc::new(Wrong(world.clock.clone(), year));
    let a = Candidate::builder().identity("a").client(client).clock(wrong).build().await.unwrap();
    let (story, clock) = (world.story.clone(), world.clock.clone());
    let task = LeaderTask::scheduled("t", LEDGER, move |_: Term, tick: Tick| {
        let right: jiff::Timestamp = clock.wall().to_string().parse().unwrap();
        // The answers of the server contain whole seconds.
        assert!(right >= tick.nominal() && right.duration_since(tick.nominal()).as_secs() <= 2, "at {right}");
        story.add(format!("a {}", tick.nominal()));
        async { Ok::<_, String>(()) }
    });
    a.add(task.every(Duration::from_secs(60)));
    let first = Running::start(&a);
    seconds(110).await;
    assert_eq!(world.story.lines(), ["a 2023-11-14T22:14:00Z", "a 2023-11-14T22:15:00Z"]);
    first.end().await.unwrap();
    let b = world.candidate("b").await;
    b.add(telling(&world.story, "t", "b", 1).every(Duration::from_secs(60)));
    let second = Running::start(&b);
    seconds(60).await;
    assert_eq!(world.story.lines()[2..], ["b 2023-11-14T22:16:00Z #1", "b 2023-11-14T22:16:00Z done"]);
    second.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_a_little_ahead_or_behind_moves_ticks_and_doubles_none() {
    for wrong in [-90_i64, -5, 5] {
        let world = World::new();
        let task = |who| telling(&world.story, "t", who, 1).every(Duration::from_secs(60));
        let client = world.api.client_as("a", "default");
        let clock = Arc::new(Wrong(world.clock.clone(), wrong));
        let a = Candidate::builder().identity("a").client(client).clock(clock).build().await.unwrap();
        a.add(task("a"));
        let first = Running::start(&a);
        seconds(150).await;
        first.end().await.unwrap();
        let b = world.candidate("b").await;
        b.add(task("b"));
        let second = Running::start(&b);
        seconds(150).await;
        second.end().await.unwrap();
        let mut ticks: Vec<String> = world
            .story
            .lines()
            .iter()
            .filter(|lines| lines.ends_with("#1"))
            .map(|lines| lines[2..22].to_owned())
            .collect();
        let count = ticks.len();
        ticks.sort();
        ticks.dedup();
        assert_eq!(ticks.len(), count, "{wrong} s: {:?}", world.story.lines());
        assert!(count >= 3, "{wrong} s: {ticks:?}");
    }
}
