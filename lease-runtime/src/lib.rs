//! Work that only one replica may do.

pub mod clock;
pub mod election;

#[doc(inline)]
pub use election::{FencingToken, Loss};
