//! The most extreme values that are allowed: the attribute must accept whatever the runtime accepts.

use lease_runtime::leader_only;

#[leader_only(lease = "edge", lease_duration = "15s", renew_deadline = "11999ms")]
pub(crate) async fn latest_renewal() {}

#[leader_only(lease = "edge", retry_period = "8333ms")]
pub(crate) async fn slowest_retry() {}

#[leader_only(lease = "edge", lease_duration = "2147483647s")]
pub(crate) async fn longest_lease() {}

#[leader_only(lease = "edge", lease_duration = "1s")]
pub(crate) async fn shortest_lease() {}

#[leader_only(lease = "a.0-b.c", namespace = "0")]
pub(crate) async fn names() {}

/// All keys together.
#[leader_only(
    lease = "all",
    namespace = "keys",
    name = "all.keys",
    lease_duration = "30s",
    renew_deadline = "20s",
    retry_period = "4s",
    leader_label,
    leader_service = "ledger",
    restart = on_failure,
    backoff = "100ms..100ms",
    max_restarts = "1000 in 1ms",
    on_exhausted = resign,
    initial_delay = "1ms",
    timeout = "8760h",
    grace = "1m",
    on_overrun = report,
    on_loss = reelect,
    crate = ::lease_runtime
)]
pub(crate) async fn all_keys() {}

#[leader_only(lease = "words", restart = always, on_exhausted = stop, on_overrun = abort, on_loss = exit)]
pub(crate) async fn words() {}

#[leader_only(lease = "words", restart = never)]
pub(crate) async fn once() {}
