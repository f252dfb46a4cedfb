//! 64 shards, led by three replicas in equal shares.
//!
//! ```sh
//! cargo run --example sharded                          # against the Lease API in this process
//! cargo run --example sharded -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Every replica is a candidate for every shard, so the first replica leads all of them at first. A replica that leads less than
//! its share announces this by acquiring one more lease (`hand_up`), and the others step down from the shards above their share
//! (`give`). The program starts one replica, then two more, kills one with SIGKILL, and starts it again. It ends by itself in
//! under a minute and prints how many shards each replica leads, how long each change took, and how often the log shows two
//! leaders of one shard at the same time. It fails if that has happened.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::clock::{Clock, Moment, SystemClock};
use lease_runtime::{Candidate, LeaseId, LeaseStatus, Standing, Term, leader_only, shutdown_signal};
use tokio::sync::watch;

const SHARDS: usize = 64;
/// How often the replicas check whether one of them leads too few shards. In production, use some seconds.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// The work on one shard. Runs on the replica that leads the shard.
#[leader_only(lease = "shard-{shard}", lease_duration = "6s")]
async fn work(term: Term, shard: usize, log: WorkLog) {
    log.note(&term, "started");
    while !term.is_cancelled() {
        log.note(&term, &format!("worked on shard {shard}"));
        tokio::select! {
            () = term.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
    log.note(&term, "ended");
}

/// The replica that holds this lease leads less than its share. It ends when the replica has its share.
#[leader_only(lease = "shard-wanted", lease_duration = "2s")]
async fn hand_up(term: Term, shards: Shards) {
    while !term.is_cancelled() && shards.wants(term.identity()) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    term.step_down();
}

/// Steps down from shards while another replica holds the lease of `hand_up` and leads less than its share.
async fn give(candidate: Candidate, shards: Shards, hand: watch::Receiver<LeaseStatus>) {
    let own = candidate.identity();
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let Some(other) = hand.borrow().holder.clone().filter(|holder| holder != own) else { continue };
        if shards.wants(&other) {
            // Any replica may acquire them. A replica that already has its share steps down from them again.
            for lease in shards.led().skip(shards.share(&other)) {
                candidate.step_down(lease);
            }
        }
    }
}

/// The leader of each shard, as far as this replica has observed.
#[derive(Clone)]
struct Shards(Vec<watch::Receiver<LeaseStatus>>);

impl Shards {
    /// How many shards each replica leads. A replica that leads no shard does not appear.
    fn load(&self) -> BTreeMap<String, usize> {
        let holders = self.0.iter().filter_map(|shard| shard.borrow().holder.clone());
        holders.fold(BTreeMap::new(), |mut load, holder| {
            *load.entry(holder).or_default() += 1;
            load
        })
    }

    /// The share of each replica, if `replica` is one of them.
    fn share(&self, replica: &str) -> usize {
        let load = self.load();
        SHARDS / (load.len() + usize::from(!load.contains_key(replica)))
    }

    fn wants(&self, replica: &str) -> bool {
        self.load().get(replica).copied().unwrap_or_default() < self.share(replica)
    }

    /// The shards that this replica leads.
    fn led(&self) -> impl Iterator<Item = LeaseId> {
        let led = self.0.iter().filter(|shard| matches!(shard.borrow().standing, Standing::Leader(_)));
        led.map(|shard| shard.borrow().lease.clone())
    }
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    for shard in 0..SHARDS {
        candidate.add(work(shard, log.clone()));
    }
    let leases = candidate.leases();
    let shards = Shards(leases.iter().filter_map(|lease| candidate.status(lease)).collect());
    candidate.add(hand_up(shards.clone()));
    if let Some(hand) = candidate.status("shard-wanted") {
        tokio::spawn(give(candidate.clone(), shards, hand));
    }
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut scenario = Scenario { harness: Harness::open("sharded").await?, killed: Vec::new(), table: Vec::new() };
    let [first, second, third] = ["replica-1", "replica-2", "replica-3"];

    let at = scenario.start(&[first])?;
    scenario.until("the first one leads all", at, |led| led.values().sum::<usize>() == SHARDS).await?;
    let at = scenario.start(&[second, third])?;
    scenario.until("two more have their share", at, |led| even(led, 3)).await?;
    let killed = scenario.kill(second).await?;
    let all =
        scenario.until("its shards have leaders again", killed, |led| led.values().sum::<usize>() == SHARDS).await?;
    scenario.until("the others are even again", all, |led| even(led, 2)).await?;
    let at = scenario.start(&[second])?;
    scenario.until("it is back and has its share", at, |led| even(led, 3)).await?;
    scenario.harness.close().await?;

    print_table(&["step", "after", first, second, third, "moved", "longest without a leader"], &scenario.table);
    println!("{} ms after SIGKILL, all shards had a leader again", all.since(killed).as_millis());
    let (terms, overlaps) = overlaps(scenario.harness.log()?);
    println!("{terms} terms, {} lines of work", scenario.harness.log()?.len());
    println!("overlaps: {overlaps}");
    if overlaps == 0 { Ok(()) } else { Err("two leaders of one shard worked at the same time".into()) }
}

type Led = BTreeMap<String, usize>;

fn even(led: &Led, replicas: usize) -> bool {
    led.len() == replicas && led.values().sum::<usize>() == SHARDS && led.values().all(|led| *led >= SHARDS / replicas)
}

struct Scenario {
    harness: Harness,
    /// The replica that was killed, and when. It could not log the end of its terms.
    killed: Vec<(String, Moment)>,
    table: Vec<Vec<String>>,
}

impl Scenario {
    fn start(&mut self, names: &[&str]) -> Outcome<Moment> {
        let at = SystemClock.now();
        self.harness.say(at, &format!("start of {}", names.join(" and ")));
        names.iter().try_for_each(|name| self.harness.start(name))?;
        Ok(at)
    }

    async fn kill(&mut self, name: &str) -> Outcome<Moment> {
        let (at, gone) = self.harness.end(name, End::Sigkill)?;
        gone.await?;
        self.killed.push((name.to_owned(), SystemClock.now()));
        self.harness.say(at, &format!("SIGKILL to {name}"));
        Ok(at)
    }

    /// Waits until the numbers of shards satisfy `reached`, and adds a row with the time since `since`. Returns the time of that.
    async fn until(&mut self, step: &str, since: Moment, reached: impl Fn(&Led) -> bool) -> Outcome<Moment> {
        let killed = self.killed.clone();
        let look = |log: &[Entry]| {
            let (led, at) = led(log, &killed);
            reached(&led).then(|| (led, at, gaps(log, since)))
        };
        let (led, at, (moved, longest)) = self.harness.wait(step, look).await?;
        let counts = ["replica-1", "replica-2", "replica-3"].map(|name| led.get(name).copied().unwrap_or_default());
        self.harness.say(at, &format!("{step}: {} / {} / {}", counts[0], counts[1], counts[2]));
        let mut row = vec![step.to_owned(), format!("{} ms", at.since(since).as_millis())];
        row.extend(counts.map(|count| count.to_string()));
        row.extend([moved.to_string(), format!("{} ms", longest.as_millis())]);
        self.table.push(row);
        Ok(at)
    }
}

/// How many shards each replica leads at the end of the log, and the time of the last change.
fn led(log: &[Entry], killed: &[(String, Moment)]) -> (Led, Moment) {
    let mut leaders: BTreeMap<&str, &Entry> = BTreeMap::new();
    let mut at = Moment::ZERO;
    for entry in log {
        match entry.what.as_str() {
            "started" => drop(leaders.insert(&entry.lease, entry)),
            "ended" => drop(leaders.remove(entry.lease.as_str())),
            _ => continue,
        }
        at = at.max(entry.at);
    }
    let dead = |leader: &Entry| killed.iter().any(|(name, at)| leader.replica == *name && leader.at < *at);
    let mut led = Led::new();
    for leader in leaders.into_values().filter(|leader| !dead(leader)) {
        *led.entry(leader.replica.clone()).or_default() += 1;
    }
    (led, at)
}

/// How many shards have changed their leader since then, and the longest time that a shard had no leader.
fn gaps(log: &[Entry], since: Moment) -> (usize, Duration) {
    let mut last: BTreeMap<&str, &Entry> = BTreeMap::new();
    let (mut moved, mut longest) = (0, Duration::ZERO);
    for entry in log {
        if let Some(before) = last.insert(&entry.lease, entry)
            && before.token != entry.token
            && entry.at > since
        {
            moved += 1;
            longest = longest.max(entry.at.since(before.at));
        }
    }
    (moved, longest)
}
