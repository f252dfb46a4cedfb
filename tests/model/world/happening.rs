//! The events that can happen next.

use super::World;
use crate::config::Config;
use crate::mutant::Mutant;

/// An event. A node is named by its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    /// Time passes on both clocks, for each at its own speed.
    Tick,
    /// The node's timer fires. It may be arbitrarily late, because a process can be stopped or starved at any time.
    Wake(usize),
    /// The server serves the node's get. Unless the scope has late gets, the answer arrives at once.
    ServeGet(usize),
    /// The answer to the get arrives.
    ReceiveGet(usize),
    /// The node gives the get up.
    LoseGet(usize),
    /// The server serves the node's write. Unless the scope has late answers, the answer arrives at once.
    ServeWrite(usize),
    /// The answer to the write arrives.
    ReceiveWrite(usize),
    /// The answer to the write is lost, so the node does not know the outcome.
    LoseAnswer(usize),
    /// The node gives the write up while it is still in flight.
    GiveUp(usize),
    /// The write is refused.
    Refuse(usize),
    /// A write that was given up takes effect, if it still can.
    Land(usize),
    /// A write that was given up is lost for good.
    Vanish(usize),
    /// The node's bodies are gone.
    Drain(usize),
    /// The node is asked to leave.
    Withdraw(usize),
    /// The node is asked to come back.
    Return(usize),
    /// The process is killed, and another starts in its place.
    Crash(usize),
    /// A proof that this process is dead reaches the node.
    Prove(usize, &'static str),
    /// The process is cut off, and another starts in its place, while its bodies still run.
    Replace(usize),
    /// The holder has something to write: it renews early.
    Hurry(usize),
    /// Somebody deletes the Lease.
    Delete,
    /// Somebody labels the Lease.
    Label,
    /// The watch takes the current state, to deliver it later.
    Watch(usize),
    /// The watch delivers the state that it took.
    ReceiveWatch(usize),
    /// A late answer is taken for the answer to the request in flight. For mutants only.
    Mistake(usize),
}

impl World {
    /// The events that can happen in this world.
    pub(crate) fn happenings(&self, config: &Config, out: &mut Vec<Happening>) {
        use Happening::*;
        if self.broken.is_some() {
            return;
        }
        out.push(Tick);
        for (index, node) in self.nodes.iter().enumerate() {
            if node.is_due() {
                out.push(Wake(index));
            }
            if let Some(get) = &node.get {
                if get.shown.is_some() {
                    out.push(ReceiveGet(index));
                } else if config.gets_beside_writes || node.write.is_none() {
                    out.push(ServeGet(index));
                }
                if config.gets_beside_writes || node.write.is_none() {
                    out.push(LoseGet(index));
                }
            }
            if let Some(write) = &node.write {
                if write.answer.is_some() {
                    out.push(ReceiveWrite(index));
                    if self.left.unknowns > 0 {
                        out.push(LoseAnswer(index));
                    }
                } else {
                    out.push(ServeWrite(index));
                    if !config.late_answers && self.left.unknowns > 0 {
                        out.push(LoseAnswer(index));
                    }
                    if self.left.unknowns > 0 && self.orphans.len() < config.orphans {
                        out.push(GiveUp(index));
                    }
                    if config.refusals {
                        out.push(Refuse(index));
                    }
                }
            }
            // If bodies end by themselves exactly at a deadline, the core decides whether they were in time.
            if node.bodies.as_ref().is_some_and(|bodies| bodies.cancelled || self.left.withdrawals > 0) {
                out.push(Drain(index));
            }
            if node.wants && self.left.withdrawals > 0 {
                out.push(Withdraw(index));
            }
            if !node.wants && self.left.returns > 0 {
                out.push(Return(index));
            }
            // A process that starts while the holder of a deleted Lease may still run creates the Lease at once, which is the
            // documented limit of rule C3.
            let deleted = self.left.deletions < config.deletions;
            if self.left.crashes > 0 && self.orphans.len() < config.orphans && !deleted {
                out.push(Crash(index));
            }
            if config.proofs {
                let proven = self
                    .dead
                    .iter()
                    .filter(|dead| node.can_learn(dead) && (config.early_proofs || node.core.holder() == Some(dead)));
                out.extend(proven.map(|dead| Prove(index, dead)));
            }
            if config.is(Mutant::ProofOfTheLiving) {
                let living = self.nodes.iter().map(|node| node.name).filter(|name| node.can_learn(name));
                out.extend(living.map(|name| Prove(index, name)));
            }
            if self.left.replacements > 0 && self.orphans.len() < config.orphans && node.runs() {
                out.push(Replace(index));
            }
            if self.left.hurries > 0 && node.core.can_hurry() {
                out.push(Hurry(index));
            }
            if config.watch[index] {
                // One state at a time keeps the number of worlds small. It may be older than what the node knows.
                let free = self.nodes.iter().all(|node| node.watched.is_none());
                if free && self.server.revision > 0 {
                    out.push(Watch(index));
                }
                if node.watched.is_some() {
                    out.push(ReceiveWatch(index));
                }
            }
            if node.stray.is_some() && node.write.is_some() {
                out.push(Mistake(index));
            }
        }
        for index in 0..self.orphans.len() {
            out.extend([Land(index), Vanish(index)]);
        }
        // A process that never saw the Lease creates it at once. So deleting a held Lease is safe only if all processes
        // have seen it, which is the documented limit of rule C3.
        let again = self.left.deletions < config.deletions;
        let known = config.unseen_deletions && again || self.nodes.iter().all(|node| node.seen_lease);
        if self.left.deletions > 0 && self.server.object.is_some() && known {
            out.push(Delete);
        }
        if self.left.labels > 0 && self.server.object.is_some() {
            out.push(Label);
        }
    }
}
