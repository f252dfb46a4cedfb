//! Other writers of the same Lease that keep no promise: candidates on client-go, scripts, and policies of the cluster.
//!
//! Each scenario checks the same four things. No replica panics. Two bodies of replicas never run at once, unless somebody releases
//! the lease in its holder's name. No replica sends more than its share of requests. And when the hostility is over, a replica leads
//! within a time that the scenario states.

mod client_go;
pub(crate) mod contender;
mod policies;
mod policy;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use lease_runtime::clock::Moment;
use lease_tests::log::{Event, now};
use lease_tests::replica::Replica;
use lease_tests::world::World;

use crate::runner::Scenario;

pub(crate) fn list() -> Vec<Scenario> {
    [client_go::list(), writers::list(), policies::list()].into_iter().flatten().collect()
}

/// How much later than computed something may happen on a busy machine.
const BUSY: Duration = Duration::from_secs(8);

/// Replicas while something hostile goes on.
struct Siege {
    begun: Moment,
    replicas: Vec<(Arc<Replica>, u64)>,
}

impl Siege {
    /// Begins to count what these replicas send.
    fn of(replicas: &[&Arc<Replica>]) -> Siege {
        let replicas = replicas.iter().map(|replica| (Arc::clone(replica), replica.link.sent())).collect();
        Siege { begun: now(), replicas }
    }

    /// The hostility is over. Checks what the replicas have done meanwhile, and that one of them leads and renews within `limit`.
    /// Returns the beginning of its term.
    async fn ends(self, world: &World, limit: Duration) -> Event {
        let over = world.log.note("hostility-over", "");
        let leads = leads_again(world, over).await;
        let took = leads.at.after(over);
        assert!(took <= limit, "a replica led only {took:?} after the end of the hostility, and not within {limit:?}");
        self.check();
        leads
    }

    /// Checks what the replicas have done so far.
    fn check(&self) {
        for (replica, before) in &self.replicas {
            let sent = replica.link.sent() - before;
            let most = most_chunks(replica, now().since(self.begun));
            assert!(sent <= most, "{replica:?} sent {sent} chunks, and its limit of requests allows about {most}");
            let said = replica.said();
            assert!(!said.contains("panicked"), "{replica:?} has panicked:\n{said}");
        }
    }
}

/// How many chunks of bytes a replica sends at most: a burst of eight requests and one in a quarter of a retry period, in a few
/// chunks each, and the watch.
fn most_chunks(replica: &Replica, span: Duration) -> u64 {
    const CHUNKS: f64 = 4.0;
    let interval = replica.settings.timing.retry_period.as_secs_f64() / 4.0;
    (CHUNKS * (2.0 * 8.0 + span.as_secs_f64() / interval)) as u64
}

/// The term that holds the lease and renews it after `over`.
async fn leads_again(world: &World, over: Moment) -> Event {
    let find = |events: &[Event]| {
        let mut last: Option<&Event> = None;
        for event in events {
            if event.is("started") {
                last = Some(event);
            } else if event.is("stopped") && last.is_some_and(|term| term.token == event.token) {
                last = None;
            }
        }
        last.filter(|term| events.iter().any(|beat| beat.is("beat") && beat.token == term.token && beat.at > over))
            .cloned()
    };
    loop {
        let term = world.log.find("a replica to lead", find).await;
        world.renewals(2).await;
        // It may have been about to end: the last hostile write was not known to it yet.
        let ended = |event: &Event| event.is("stopped") && event.token == term.token;
        if !world.log.events().iter().any(ended) {
            return term;
        }
    }
}
