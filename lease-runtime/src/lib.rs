//! Work that only one replica may do.

pub mod clock;
pub mod election;
pub mod spec;

#[doc(inline)]
pub use election::{FencingToken, Loss};
#[doc(inline)]
pub use spec::{LeaseSpec, SpecError};
