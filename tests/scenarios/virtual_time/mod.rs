//! Many runs in virtual time: three candidates and the embedded API on one paused runtime, ten minutes of random faults, and
//! then a network without faults. Only the code is real: there are no sockets, no threads and no waiting.
//!
//! A run depends on its seed. The seed first chooses which kinds of faults the run has: a run in which everything fails finds
//! fewer mistakes than one in which one kind of request fails often. The order in which tokio wakes several tasks for one event
//! does not depend on the seed. So about one seed in twenty has two possible runs, and `SEED=17` repeats a seed until it fails.

mod plan;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use lease_runtime::clock::{Clock, TokioClock, WallTime};
use lease_runtime::embedded::{EmbeddedApi, Fault, RecordedRequest, Settings};
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, TaskGroup, Term};
use lease_tests::invariants::{Excuses, broken};
use lease_tests::log::Event;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::runner::{Scenario, plain};
use plan::{Plan, Work};

pub(crate) fn list() -> Vec<Scenario> {
    vec![plain("virtual_time::random_faults", random_faults)]
}

const SEEDS: u64 = 200;
const FAULTY: Duration = Duration::from_secs(600);
/// How long a leader may take after the last fault. A late write of the faulty time may restart a wait. A silent watch is
/// replaced only after minutes, but a candidate reads the Lease before the end of its wait, so this does not matter.
const HEALING: Duration = Duration::from_secs(60);
const BEAT: Duration = Duration::from_millis(500);
const LEASE: LeaseSpec = LeaseSpec::new("ledger");

fn random_faults() {
    if let Ok(seed) = std::env::var("SEED") {
        let seed = seed.parse().expect("SEED must be a number");
        for _ in 0..20 {
            let record = Run::new(seed).execute();
            if let Err(wrong) = record.check() {
                record.events.iter().filter(|event| !event.is("beat")).for_each(|event| println!("  {event}"));
                panic!("seed {seed}, {:?}: {wrong}", record.plan);
            }
        }
        return;
    }
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= SEEDS {
                        return;
                    }
                    if let Err(wrong) = Run::new(seed).execute().check() {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push((seed, wrong));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some((seed, wrong)) = failed.first() {
        panic!(
            "{} of {SEEDS} seeds failed, among them {seed}: {wrong}\nPlay it again by `SEED={seed} cargo test --test scenarios \
             -- random_faults`",
            failed.len()
        );
    }
}

#[derive(Debug, Default)]
struct Notes {
    events: Vec<Event>,
}

/// The events of the bodies, on the run's clock.
#[derive(Clone)]
struct Pen {
    notes: Arc<Mutex<Notes>>,
    clock: TokioClock,
    /// Set when the faults are over. Then bodies no longer fail.
    fair: Arc<AtomicBool>,
}

impl Pen {
    fn write(&self, identity: &str, number: u32, what: &str, token: u64) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        // Many events have the same virtual time, so the order of the list counts.
        let order = u64::try_from(notes.events.len()).unwrap_or(u64::MAX);
        let at = self.clock.now() + Duration::from_nanos(order);
        let (identity, what, lease, detail) = (identity.into(), what.into(), String::new(), String::new());
        let event = Event { at, identity, pid: number, what, lease, token, detail };
        notes.events.push(event);
    }
}

struct Run {
    seed: u64,
    rng: Rng,
    plan: Plan,
}

struct Record {
    plan: Plan,
    events: Vec<Event>,
    healed: lease_runtime::clock::Moment,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        Run { seed, rng, plan }
    }

    fn execute(self) -> Record {
        // Jitter and identities come from this generator.
        fastrand::seed(self.seed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("no runtime").block_on(self.run())
    }

    async fn run(mut self) -> Record {
        let clock = TokioClock::starting_at(WallTime(1_700_000_000_000_000));
        let api = EmbeddedApi::with(Settings::default().clock(clock).seed(self.seed));
        let pen = Pen { notes: Arc::default(), clock, fair: Arc::default() };
        let cut_off: Arc<Mutex<Vec<String>>> = Arc::default();
        let (plan, cut) = (self.plan.clone(), cut_off.clone());
        // Each candidate has its own random numbers and delays, because tokio decides which of two requests at the same time
        // comes first.
        let dice: Vec<Mutex<Rng>> = (0..3).map(|_| Mutex::new(self.rng.fork())).collect();
        api.inject_with(move |call: &RecordedRequest| {
            if cut.lock().unwrap_or_else(PoisonError::into_inner).contains(&call.caller) {
                return Some(Fault::hang());
            }
            let number = call.caller.bytes().next().map_or(0, |letter| usize::from(letter.wrapping_sub(b'a')));
            let mut dice = dice.get(number)?.lock().unwrap_or_else(PoisonError::into_inner);
            let distance = Duration::from_millis(number as u64 + 1);
            Some(plan.fault(&mut dice).unwrap_or_else(|| Fault::none().delayed(distance)))
        });

        let mut replicas = Vec::new();
        for name in ["a", "b", "c"] {
            replicas.push(Replica::start(&api, clock, &pen, name, 0, self.plan.work).await);
        }
        let begun = clock.now();
        let mut numbers = 0;
        let mut back: Vec<(lease_runtime::clock::Moment, String)> = Vec::new();
        while clock.now().since(begun) < FAULTY {
            sleep(Duration::from_millis(self.rng.u64(200..1800))).await;
            let now = clock.now();
            back.retain(|(until, name)| {
                let over = *until <= now;
                if over {
                    cut_off.lock().unwrap_or_else(PoisonError::into_inner).retain(|cut| cut != name);
                }
                !over
            });
            let chosen = self.rng.usize(..replicas.len());
            if self.rng.u32(..1000) < self.plan.partitions {
                let name = replicas[chosen].name.clone();
                back.push((now + Duration::from_millis(self.rng.u64(500..40_000)), name.clone()));
                cut_off.lock().unwrap_or_else(PoisonError::into_inner).push(name);
            }
            if self.rng.u32(..1000) < self.plan.watches {
                let caller = replicas[chosen].name.clone();
                let which = |call: &RecordedRequest| call.caller == caller;
                match self.rng.u32(..5) {
                    0 => api.close_watches(which),
                    1 => api.break_watches(which),
                    2 => api.expire_watches(which),
                    3 => api.silence_watches(which),
                    _ => api.resume_watches(which),
                };
            }
            if self.rng.u32(..1000) < self.plan.meddling {
                match self.rng.u32(..4) {
                    0 => drop(api.delete_lease("default", "ledger")),
                    1 => drop(api.edit_lease("default", "ledger", |lease| {
                        lease["spec"]["holderIdentity"] = "intruder".into();
                    })),
                    2 => drop(api.edit_lease("default", "ledger", |lease| {
                        lease["metadata"]["labels"]["seen"] = now.as_nanos().to_string().into();
                    })),
                    _ => api.skip_revisions(self.rng.u64(1..1000)),
                }
            }
            if self.rng.u32(..1000) < self.plan.moods {
                let _ = match self.rng.u32(..3) {
                    0 => replicas[chosen].candidate.step_down("ledger"),
                    ready => replicas[chosen].ready.send_replace(ready == 1),
                };
            }
            if self.rng.u32(..1000) < self.plan.restarts {
                numbers += 1;
                let name = replicas[chosen].name.clone();
                if self.rng.bool() {
                    replicas[chosen].end().await;
                }
                replicas[chosen] = Replica::start(&api, clock, &pen, &name, numbers, self.plan.work).await;
            }
        }
        api.clear_faults();
        pen.fair.store(true, Ordering::Relaxed);
        for replica in &replicas {
            replica.ready.send_replace(true);
        }
        sleep(HEALING).await;
        let healed = clock.now();
        sleep(HEALING).await;
        let events = pen.notes.lock().unwrap_or_else(PoisonError::into_inner).events.clone();
        Record { plan: self.plan, events, healed }
    }
}

/// One candidate. Dropping it is like dropping its runtime: bodies end at once, and the release is in the background.
struct Replica {
    name: String,
    stop: CancellationToken,
    running: JoinHandle<()>,
    candidate: Candidate,
    ready: watch::Sender<bool>,
}

impl Replica {
    async fn start(
        api: &EmbeddedApi,
        clock: TokioClock,
        pen: &Pen,
        name: &str,
        generation: u32,
        work: Work,
    ) -> Replica {
        let client = api.client_as(name, "default");
        let built = Candidate::builder().identity(name).client(client).clock(Arc::new(clock)).build().await;
        let candidate = built.expect("a candidate");
        let number = generation * 3 + u32::from(name.bytes().next().unwrap_or(b'a') - b'a');
        let pen = pen.clone();
        let (ready, condition) = watch::channel(true);
        let below = pen.clone();
        let bottom = LeaderTask::new("layer", LEASE, move |term| layer(term, below.clone(), number));
        let top = LeaderTask::new("work", LEASE, move |term| body(term, pen.clone(), number, work));
        let top = top.contend_when(condition);
        if work.stack {
            drop(candidate.add(TaskGroup::stack("house").with(bottom).with(top)));
        } else {
            drop(candidate.add(top));
        }
        let stop = CancellationToken::new();
        let (stopped, runs) = (stop.clone(), candidate.clone());
        let running = tokio::spawn(async move {
            // If the first request is refused, for example with a 403 of a proxy, the candidate ends with an error. It stays away
            // until the run restarts it.
            let _ = runs.run_until(stopped.cancelled()).await;
        });
        Replica { name: name.to_owned(), stop, running, candidate, ready }
    }

    async fn end(&mut self) {
        self.stop.cancel();
        let _ = (&mut self.running).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn body(term: Term, pen: Pen, number: u32, work: Work) -> Result<(), &'static str> {
    let gone = Gone { term, pen, number };
    let Gone { term, pen, .. } = &gone;
    pen.write(term.identity(), number, "started", term.fencing_token().get());
    while work.stubborn || !term.is_cancelled() {
        sleep(BEAT).await;
        pen.write(term.identity(), number, "beat", term.fencing_token().get());
        if fastrand::u32(..1000) < work.failing && !pen.fair.load(Ordering::Relaxed) {
            return Err("by chance");
        }
    }
    // Waits for the end of the term. A body that returns would be done and not run in the next term.
    term.cancelled().await;
    Ok(())
}

/// The lower layer of a stack. It takes some time to end.
async fn layer(term: Term, pen: Pen, number: u32) {
    pen.write(term.identity(), number, "layer", term.fencing_token().get());
    term.cancelled().await;
    pen.write(term.identity(), number, "layer-asked", term.fencing_token().get());
    sleep(BEAT * 3).await;
}

struct Gone {
    term: Term,
    pen: Pen,
    number: u32,
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.pen.write(self.term.identity(), self.number, "stopped", self.term.fencing_token().get());
    }
}

impl Record {
    /// A beat of a stack whose lower layer is ending.
    fn work_on_nothing(&self) -> Option<&Event> {
        let asked = self.events.iter().filter(|event| event.is("layer-asked"));
        let ending: BTreeMap<u64, _> = asked.map(|event| (event.token, event.at)).collect();
        let beats = self.events.iter().filter(|event| event.is("beat"));
        beats.into_iter().find(|beat| ending.get(&beat.token).is_some_and(|asked| *asked < beat.at))
    }

    /// Never two leaders, and after the faults, one leads and continues to lead.
    fn check(&self) -> Result<(), String> {
        let wrong = broken(&self.events, &Excuses::default());
        if !wrong.is_empty() {
            return Err(wrong.join("\n  "));
        }
        if let Some(late) = self.work_on_nothing() {
            return Err(format!("{late} after its lower layer was asked to end"));
        }
        let after: Vec<&Event> =
            self.events.iter().filter(|event| event.at > self.healed && event.is("beat")).collect();
        let Some((first, last)) = after.first().zip(after.last()) else {
            return Err(format!("no candidate leads {HEALING:?} after the last fault"));
        };
        if first.token != last.token {
            return Err("the lease changed hands on a network without faults".to_owned());
        }
        let (beats, expected) = (after.len(), HEALING.as_millis() / BEAT.as_millis());
        if (beats as u128) + 4 < expected {
            return Err(format!("only {beats} beats of {expected}"));
        }
        Ok(())
    }
}
