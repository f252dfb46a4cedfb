//! The attribute of `lease-runtime`, which re-exports it: depend on that crate, not on this one.

mod args;
mod borrow;
mod expand;
mod item;
mod keys;
mod meaning;
mod rules;
#[cfg(test)]
mod tests;
mod timing;
mod value;
mod written;

use proc_macro::TokenStream;

/// Makes an `async fn` a task of the leader: it starts when this replica acquires the lease, and is gone before another
/// replica can start it.
///
/// ```text
/// #[leader_only(lease = "ledger")]
/// async fn sync_ledger(term: Term, db: Db) -> Result<(), Error> {
///     loop {
///         db.sync(term.fencing_token()).await?;
///     }
/// }
/// ```
///
/// Calling `sync_ledger(db)` now starts nothing: it returns a `LeaderTask`, which a `Candidate` runs.
///
/// # Keys
///
/// Each is the method of its name, where its meaning is written: of [`LeaseSpec`] for the lease, of [`LeaderTask`] for the task. What
/// a method is given wins over the attribute.
///
/// | key | value | method | if not set |
/// |---|---|---|---|
/// | `lease` | a name | [`lease`] | required |
/// | `namespace` | a name | [`namespace`] | the candidate's |
/// | `name` | a string | [`name`] | the function's |
/// | `lease_duration` | a duration, in whole seconds | [`lease_duration`] | `"15s"` |
/// | `renew_deadline` | a duration | [`renew_deadline`] | ⅔ of `lease_duration` |
/// | `retry_period` | a duration | [`retry_period`] | 2⁄15 of `lease_duration` |
/// | `restart` | `always`, `on_failure` or `never` | [`restart`] | `on_failure` |
/// | `backoff` | two durations: `"1s..1m"` | [`backoff`] | `"1s..1m"` |
/// | `max_restarts` | a count and a duration: `"5 in 1m"` | [`max_restarts`] | `"5 in 1m"` |
/// | `on_exhausted` | `resign`, `exit` or `stop` | [`on_exhausted`] | `resign` |
/// | `initial_delay` | a duration | [`initial_delay`] | none |
/// | `timeout` | a duration | [`timeout`] | none |
/// | `grace` | a duration | [`grace`] | `"10s"` |
/// | `on_overrun` | `abort` or `report` | [`on_overrun`] | `abort` |
/// | `on_loss` | `reelect` or `exit` | [`on_loss`] | `reelect` |
/// | `crate` | a path: where `lease-runtime` is, if it goes by another name | | `::lease_runtime` |
///
/// A duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: `"15s"`.
///
/// A name is a string or a constant. A string may have arguments in braces, as in `"shard-{shard:03}"`, `"tenant-{tenant.id}"`
/// and, in a method, `"shard-{self.id}"`. In capitals, it is a constant: `"{REGION}-ledger"`.
///
/// Names and timings are checked when the program is compiled; names that are made from arguments as far as they are known, and
/// altogether when the task is added.
///
/// [`LeaseSpec`]: ../lease_runtime/struct.LeaseSpec.html
/// [`LeaderTask`]: ../lease_runtime/struct.LeaderTask.html
/// [`lease`]: ../lease_runtime/struct.LeaderTask.html#method.lease
/// [`namespace`]: ../lease_runtime/struct.LeaderTask.html#method.namespace
/// [`name`]: ../lease_runtime/struct.LeaderTask.html#method.name
/// [`lease_duration`]: ../lease_runtime/struct.LeaderTask.html#method.lease_duration
/// [`renew_deadline`]: ../lease_runtime/struct.LeaderTask.html#method.renew_deadline
/// [`retry_period`]: ../lease_runtime/struct.LeaderTask.html#method.retry_period
/// [`restart`]: ../lease_runtime/struct.LeaderTask.html#method.restart
/// [`backoff`]: ../lease_runtime/struct.LeaderTask.html#method.backoff
/// [`max_restarts`]: ../lease_runtime/struct.LeaderTask.html#method.max_restarts
/// [`on_exhausted`]: ../lease_runtime/struct.LeaderTask.html#method.on_exhausted
/// [`initial_delay`]: ../lease_runtime/struct.LeaderTask.html#method.initial_delay
/// [`timeout`]: ../lease_runtime/struct.LeaderTask.html#method.timeout
/// [`grace`]: ../lease_runtime/struct.LeaderTask.html#method.grace
/// [`on_overrun`]: ../lease_runtime/struct.LeaderTask.html#method.on_overrun
/// [`on_loss`]: ../lease_runtime/struct.LeaderTask.html#method.on_loss
///
/// # The function
///
/// - A parameter of the type `Term` is the current term of leadership; there may be one, anywhere. It is recognised by this
///   name, so that a type of your own called `Term` has to be imported under another.
/// - All other parameters become those of the constructor. They are cloned at the start of each run and therefore are
///   `Clone + Send + 'static`: shared things are an `Arc`, or a handle that clones cheaply.
/// - The function returns `()`, `!` or a `Result` whose error is `Debug`.
/// - A method takes `self: Arc<Self>`, or `self` if that is `Clone`. An associated function that uses the generics of its `impl`
///   mentions `Self`, as in `where Self: Sized`. In the `impl` of a trait, write a plain method that returns the task of a function
///   or of a method beside it.
/// - Generics, `impl Trait`, patterns and `#[cfg]` on parameters work as always.
/// - Attributes below this one stay with the body (`#[tracing::instrument]`), but for documentation, `cfg`, `deprecated`,
///   `must_use`, `track_caller` and lint levels, which the constructor gets.
///
/// # What it expands to
///
/// What you would write without it. The function above becomes
///
/// ```text
/// fn sync_ledger(db: Db) -> ::lease_runtime::LeaderTask<Result<(), Error>> {
///     async fn sync_ledger(term: Term, db: Db) -> Result<(), Error> {
///         loop {
///             db.sync(term.fencing_token()).await?;
///         }
///     }
///     const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("ledger");
///     ::lease_runtime::LeaderTask::new(
///         "sync_ledger",
///         __LEASE,
///         move |term| sync_ledger(term, ::core::clone::Clone::clone(&db)),
///     )
/// }
/// ```
///
/// A lease that is named after arguments is named before the closure takes them:
///
/// ```text
/// #[leader_only(lease = "shard-{shard}")]
/// async fn drain(shard: u32) {}
/// ```
///
/// ```text
/// fn drain(shard: u32) -> ::lease_runtime::LeaderTask<()> {
///     async fn drain(shard: u32) {}
///     const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
///     let lease = ::std::format!("shard-{shard}");
///     ::lease_runtime::LeaderTask::new("drain", __LEASE, move |_| drain(::core::clone::Clone::clone(&shard)))
///         .lease(lease)
/// }
/// ```
///
/// If `grace` is longer than what a body has of it when the lease is lost, a line of documentation says how much that is.
///
/// # What does not compile
///
/// - A function that is not `async`: nothing could stop it when the lease is lost.
/// - `&self`, `&str`, `Cow<'_, str>` and lifetime parameters: the task lives on when the caller has returned.
/// - An argument that is not `Clone`, or a body that is not `Send`.
/// - A lease name that Kubernetes would refuse, and timings with which two replicas could run at once.
/// - A key that would have no effect, such as `backoff` beside `restart = never`.
/// - `main`: it runs in every replica.
#[proc_macro_attribute]
pub fn leader_only(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::leader_only(args.into(), item.into()).into()
}
