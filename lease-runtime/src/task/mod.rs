//! A leader task: what runs while this process holds a lease, and what becomes of it.

pub(crate) mod overrun;

pub use overrun::OnOverrun;
