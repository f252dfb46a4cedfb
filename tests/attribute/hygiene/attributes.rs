//! Attributes above and below `#[leader_only]`.

use std::sync::Arc;

use lease_runtime::leader_only;

#[cfg_attr(all(), leader_only(lease = "conditional"))]
pub(crate) async fn conditional() {}

#[leader_only(lease = "absent")]
#[cfg(any())]
pub(crate) async fn absent(of: NoSuchType) {}

#[leader_only(lease = "present")]
#[cfg(not(any()))]
pub(crate) async fn present(
    #[cfg(any())] term: NoSuchType,
    #[cfg(not(target_os = "none"))] number: u8,
    #[cfg(any())] term: Term,
    #[allow(unused_variables)] unused: u8,
) {
    let _ = number;
}

#[leader_only(lease = "expecting")]
#[expect(unused_variables, clippy::needless_return, reason = "is said once, not once for each function")]
pub(crate) async fn expecting(unused: u8) {
    return;
}

/// The same on a method.
pub(crate) struct Ledger;

impl Ledger {
    #[leader_only(lease = "ledger")]
    #[expect(unused_variables, reason = "is said once, not once for each function")]
    pub(crate) async fn expecting(self: Arc<Self>, unused: u8) {}

    #[leader_only(lease = "ledger")]
    #[cfg(any())]
    pub(crate) async fn absent(self: Arc<Self>, of: NoSuchType) {}

    #[leader_only(lease = "ledger")]
    #[allow(non_snake_case)]
    pub(crate) async fn Shouting(self: Arc<Self>, LOUDLY: u8) {
        let _ = LOUDLY;
    }
}

#[leader_only(lease = "old")]
#[deprecated]
#[doc(hidden)]
#[must_use = "is an old task"]
#[track_caller]
#[inline]
pub(crate) async fn old() {}

#[leader_only(lease = "conditionally")]
#[cfg_attr(all(), doc = "Documented.", inline, allow(unused_variables))]
pub(crate) async fn conditionally(unused: u8) {}

/// `#[leader_only]` between other attributes.
#[must_use = "is a task"]
#[leader_only(lease = "surrounded")]
#[tracing::instrument(skip_all, fields(number))]
#[inline]
pub(crate) async fn surrounded(number: u8) -> Result<u8, std::fmt::Error> {
    Ok(number)
}

/// Instrumented with the arguments of the body.
#[leader_only(lease = "traced")]
#[tracing::instrument(ret, err)]
pub(crate) async fn traced(number: u8, term: lease_runtime::Term) -> Result<u8, std::fmt::Error> {
    let _ = term;
    Ok(number)
}

impl Ledger {
    #[leader_only(lease = "ledger")]
    #[tracing::instrument(skip_all)]
    #[deprecated = "is an old task"]
    pub(crate) async fn traced(self: Arc<Self>) {}
}
