//! Healing: from every world, if there are no more faults, there is soon one leader, and it stays.
//!
//! The continuation without faults is a function of the world. So the checker computes it for each world and need not
//! search for infinite runs. The worlds on the way are remembered, which makes this cost about one tick per world.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use lease_protocol::election::Event;

use super::config::Config;
use super::world::{Stage, World};

/// A node that has led for this many ticks leads for ever: by then each world is the same as a tick before.
const SETTLED: u32 = 12;

/// Requests of each node that are answered within a tick. A hand-over takes four.
const ROUNDS: usize = 6;

/// How many ticks the continuation without faults takes from each world.
#[derive(Default, Debug)]
pub(crate) struct Healing {
    known: Mutex<HashMap<u64, u32>>,
}

impl Healing {
    /// In how many ticks `world` heals. `None` if it takes longer than the configured time.
    pub(crate) fn ticks(&self, world: &World, config: &Config) -> Option<u32> {
        let mut path = vec![digest(world)];
        let mut now = world.clone();
        let mut settled = 0;
        let rest = loop {
            if let Some(known) = self.lookup(path[path.len() - 1]) {
                break known;
            }
            if path.len() as u32 > config.heal_within + SETTLED {
                return None;
            }
            let next = now.fair_tick(config);
            settled = if now.is_well() && next.is_well() && next.leader() == now.leader() { settled + 1 } else { 0 };
            path.push(digest(&next));
            now = next;
            if settled >= SETTLED {
                // It has been well for this long, so the worlds since then are healed.
                path.truncate(path.len() - SETTLED as usize);
                break 0;
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let last = path.len() - 1;
        for (index, digest) in path.into_iter().enumerate() {
            known.insert(digest, rest + (last - index) as u32);
        }
        let ticks = rest + last as u32;
        (ticks <= config.heal_within).then_some(ticks)
    }

    fn lookup(&self, digest: u64) -> Option<u32> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).copied()
    }

    /// The longest that any world took.
    pub(crate) fn worst(&self) -> u32 {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().copied().max().unwrap_or(0)
    }
}

fn digest(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// Whether there is one leader, or none if no node wants to lead, and every node that wants to leave has left.
    fn is_well(&self) -> bool {
        let anybody = self.nodes.iter().any(|node| node.wants);
        let out = (0..self.nodes.len()).all(|index| self.nodes[index].wants || self.is_out(index));
        let led = match self.leader() {
            Some(leader) => self.nodes[leader].wants,
            None => !anybody,
        };
        led && out
    }

    /// One tick without faults: every message arrives, every node runs, bodies that were asked to end do so, and then
    /// time passes.
    pub(crate) fn fair_tick(&self, config: &Config) -> World {
        let mut stage = Stage { config, tally: None, world: self.clone() };
        for orphan in std::mem::take(&mut stage.world.orphans) {
            stage.commit(&orphan);
        }
        for round in 0..ROUNDS {
            let mut idle = true;
            for index in 0..config.nodes() {
                let node = &stage.world.nodes[index];
                idle &= node.write.is_none()
                    && !node.is_due()
                    && !node.bodies.as_ref().is_some_and(|bodies| bodies.cancelled);
                stage.serve_write(index);
                stage.receive_write(index);
                stage.serve_get(index);
                stage.receive_get(index);
                if config.watch[index] && stage.world.server.revision > 0 {
                    stage.world.nodes[index].watched = None;
                    let observation = stage.world.server.watched();
                    stage.see(index, observation);
                }
                if stage.world.nodes[index].bodies.as_ref().is_some_and(|bodies| bodies.cancelled) {
                    stage.drain(index);
                }
                stage.feed(index, Event::Woken);
            }
            // Both nodes have observed the newest state and have nothing to write.
            if idle && round > 0 {
                break;
            }
        }
        stage.world.tick(config);
        stage.world.normalized(config)
    }
}
