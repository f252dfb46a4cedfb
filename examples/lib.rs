//! What the examples share: the replicas as processes, and the log of their work. The stories are in the files beside.

pub mod drama;
