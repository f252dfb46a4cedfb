//! The whole world: nodes, a server, and the messages between them.

mod broken;
mod deaths;
mod happening;
mod stage;
mod tally;

use lease_protocol::election::{Request, Role};

pub(crate) use self::broken::Broken;
pub(crate) use self::happening::Happening;
pub(crate) use self::stage::Stage;
pub(crate) use self::tally::{Count, Tally};
use super::node::{NOW, Node};
use super::server::Server;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) server: Server,
    /// Writes that their senders have given up, and that may still take effect.
    pub(crate) orphans: Vec<Request>,
    /// The processes that were killed and whose record can still appear, in the order of their names.
    pub(crate) dead: Vec<&'static str>,
    pub(crate) left: Left,
    /// The highest token of a term so far, or 0 once no lower token can appear any more.
    pub(crate) newest: u64,
    /// The rule that the last action broke. Nothing happens after that.
    pub(crate) broken: Option<Broken>,
}

/// How often each counted event may still happen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Left {
    pub(crate) deletions: u8,
    pub(crate) withdrawals: u8,
    pub(crate) returns: u8,
    pub(crate) labels: u8,
    pub(crate) crashes: u8,
    pub(crate) replacements: u8,
    pub(crate) hurries: u8,
    pub(crate) unknowns: u8,
}

impl World {
    /// The only node that leads.
    pub(crate) fn leader(&self) -> Option<usize> {
        let mut leaders = (0..self.nodes.len()).filter(|index| self.nodes[*index].leads());
        leaders.next().filter(|_| leaders.next().is_none())
    }

    /// How many processes run bodies at this instant, also those that were replaced.
    pub(crate) fn running(&self) -> usize {
        let of = |node: &Node| usize::from(node.runs()) + usize::from(node.ghost.is_some_and(|until| NOW < until));
        self.nodes.iter().map(of).sum()
    }

    pub(crate) fn is_out(&self, index: usize) -> bool {
        self.nodes[index].core.role() == Role::Out
    }
}
