//! Work that only one replica may do.

pub mod clock;
pub mod election;
mod elector;
#[cfg(feature = "embedded")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded")))]
pub mod embedded;
mod guard;
mod lease;
pub mod spec;
mod task;
mod term;

#[doc(inline)]
pub use election::{FencingToken, Loss};
#[doc(inline)]
pub use spec::{LeaseSpec, SpecError};

pub use elector::{Denial, ElectorError, Health, LeaseStatus, Standing};
pub use guard::{Ended, Guarded};
pub use lease::LeaseId;
pub use task::OnOverrun;
pub use term::{Lost, Term, TermCheck, TermControl, TermHandle};

#[doc(inline)]
pub use lease_macros::leader_only;
