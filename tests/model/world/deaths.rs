//! Processes that are killed or cut off, and what the others learn of it.

use lease_protocol::election::Event;
use lease_runtime::clock::Moment;

use super::Stage;
use crate::mutant::Mutant;
use crate::node::Node;

impl Stage<'_> {
    pub(super) fn crash(&mut self, index: usize) {
        self.world.left.crashes -= 1;
        self.world.dead.push(self.world.nodes[index].name);
        self.world.dead.sort_unstable();
        self.restart(index, None);
    }

    pub(super) fn prove(&mut self, index: usize, dead: &'static str) {
        let node = &mut self.world.nodes[index];
        let acquired = node.core.is_acquiring();
        let waits = node.seen_lease && node.core.newest().is_none() && node.bodies.is_none();
        if self.config.is(Mutant::ProofEndsTheWait) && waits {
            // The process forgets that the Lease existed.
            *node = Node { seen_lease: true, ..Node::new(node.start, index, self.config) };
            self.feed(index, Event::Woken);
            self.serve_get_again(index);
        }
        self.feed(index, Event::Dead(dead.to_owned()));
        if !acquired && self.world.nodes[index].core.is_acquiring() {
            self.count(|tally| &tally.proven);
        }
    }

    /// For a mutant: the proof is kept for the Lease, and not for the identity that it is about.
    pub(super) fn take_the_next_for_dead(&mut self, index: usize) {
        let core = &self.world.nodes[index].core;
        if self.config.is(Mutant::ProofAboutTheLease)
            && self.world.dead.iter().any(|dead| core.is_proven_dead(dead))
            && let Some(holder) = core.holder().filter(|holder| !core.is_proven_dead(holder))
            && holder != self.world.nodes[index].name
        {
            let event = Event::Dead(holder.to_owned());
            self.feed(index, event);
        }
    }

    /// Its bodies do not know that the process is cut off. They run until the guard stops them.
    pub(super) fn replace(&mut self, index: usize) {
        self.world.left.replacements -= 1;
        self.count(|tally| &tally.replacements);
        let until = self.world.nodes[index].bodies.as_ref().map(|bodies| bodies.drop_at);
        self.restart(index, until);
    }

    /// Another process starts in this place. `until` is how long bodies of the old one run, and one before it may run still.
    fn restart(&mut self, index: usize, until: Option<Moment>) {
        let next = Node::new(self.world.nodes[index].start + 1, index, self.config);
        let dead = std::mem::replace(&mut self.world.nodes[index], next);
        self.world.nodes[index].ghost = dead.ghost.max(until);
        let in_flight = dead.write.filter(|write| write.answer.is_none()).and_then(|write| write.request);
        self.world.orphans.extend(in_flight);
        if self.config.watch[index] {
            self.feed(index, Event::WatchOpened);
        }
    }
}
