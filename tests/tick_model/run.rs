//! Visits every reachable world of a scope.

use std::sync::atomic::{AtomicBool, Ordering};

use lease_runtime::clock::{Clock, SystemClock};
use stateright::{Checker, HasDiscoveries, Model, Property};

use super::broken::{Broken, Rule};
use super::heal::Healing;
use super::scope::Scope;
use super::tally::Tally;
use super::trace;
use super::world::{Happening, World};

struct Replicas {
    scope: Scope,
    tally: Tally,
    healing: Healing,
    failed: AtomicBool,
}

const NO_RULE_BROKEN: &str = "no rule is broken";
const HEALS: &str = "heals from here";

impl Replicas {
    /// Reports only the first failure. The checker would replace it by later ones, and the first is the shortest.
    fn first(&self, holds: bool) -> bool {
        holds || self.failed.swap(true, Ordering::Relaxed)
    }

    fn heals(&self, world: &World) -> Result<(), Broken> {
        match &world.broken {
            Some(_) => Ok(()),
            // Otherwise a mistake would be found in the continuation of the first world, before any fault occurs.
            None if self.scope.mutant.is_some_and(|mutant| !mutant.is_found_late()) => Ok(()),
            None => self.healing.check(world, &self.scope),
        }
    }
}

impl Model for Replicas {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.scope)]
    }

    fn actions(&self, world: &World, out: &mut Vec<Happening>) {
        world.happenings(&self.scope, out);
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        world.after(happening, &self.scope, Some(&self.tally))
    }

    fn properties(&self) -> Vec<Property<Replicas>> {
        vec![
            Property::always(NO_RULE_BROKEN, |model: &Replicas, world: &World| model.first(world.broken.is_none())),
            Property::always(HEALS, |model: &Replicas, world: &World| model.first(model.heals(world).is_ok())),
        ]
    }
}

pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) seconds: f64,
}

pub(crate) struct Failure {
    pub(crate) broken: Broken,
    pub(crate) steps: usize,
    pub(crate) trace: String,
}

/// Visits every reachable world, and prints how many there are, how far they go and how long it took.
pub(crate) fn run(scope: Scope, threads: usize) -> Outcome {
    let start = SystemClock.now();
    let (name, cap) = (scope.name, scope.cap);
    let model =
        Replicas { scope, tally: Tally::default(), healing: Healing::default(), failed: AtomicBool::new(false) };
    // There is no time limit, because a run that was cut short would look like one that found nothing.
    let checker = model
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(cap)
        .spawn_bfs()
        .join();
    let seconds = SystemClock.now().since(start).as_secs_f64();
    let found = checker.discoveries().into_values().next();
    let failure = found.map(|path| {
        let last = path.last_state();
        let heals = || checker.model().healing.check(last, &checker.model().scope).err();
        let unknown = || Broken { rule: Rule::Record, what: "the failure cannot be found again".to_owned() };
        let broken = last.broken.clone().or_else(heals).unwrap_or_else(unknown);
        Failure { broken, steps: path.clone().into_actions().len(), trace: trace::readable(path) }
    });
    let complete = failure.is_none() && checker.state_count() < cap;
    println!(
        "{name}: {}, {} states, {} steps between them, depth {}, {seconds:.1} s",
        if complete { "complete" } else { "NOT complete" },
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
    );
    if failure.is_none() {
        assert!(complete, "{name}: cut short at {cap} steps, so nothing is proved");
    }
    if failure.is_none() && checker.model().scope.mutant.is_none() {
        let missing = checker.model().tally.missing(&checker.model().scope);
        assert!(missing.is_empty(), "{name}: never happened, so that nothing is proved about it: {missing:?}");
    }
    Outcome { failure, seconds }
}

pub(crate) fn check(scope: Scope) {
    check_on(scope, 1);
}

pub(crate) fn check_on(scope: Scope, threads: usize) {
    let name = scope.name;
    if let Some(Failure { broken, trace, .. }) = run(scope, threads).failure {
        panic!("{name}: {broken}\n{trace}");
    }
}
