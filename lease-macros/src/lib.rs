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
/// | key | value | meaning | if not set |
/// |---|---|---|---|
/// | `lease` | a string, or a `&'static str` constant | the Lease under which the task runs | required |
/// | `namespace` | likewise | where that Lease is | the candidate's namespace |
/// | `lease_duration` | a duration, in whole seconds | how long the others wait for a holder that has fallen silent | `"15s"` |
/// | `renew_deadline` | a duration | how long a holder that cannot renew goes on | ⅔ of `lease_duration` |
/// | `retry_period` | a duration | how long to wait after a failed request | 2⁄15 of `lease_duration` |
/// | `name` | a string | the task's name in logs and on the Lease | the function's name |
/// | `grace` | a duration | how long the body may take to end once it is asked to | `"10s"` |
/// | `on_overrun` | `abort` or `report` | what to do with a body that blocks its thread past the end of the lease | `abort` |
/// | `crate` | a path | where `lease-runtime` is, if it goes by another name | `::lease_runtime` |
///
/// A duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: `"15s"`. Names and timings are checked when the
/// program is compiled. The first five keys are the methods of `LeaseSpec`, the next ones those of `LeaderTask`.
///
/// # The function
///
/// - A parameter of the type `Term` is the current term of leadership; there may be one, anywhere. It is recognised by this
///   name, so that a type of your own called `Term` has to be imported under another.
/// - All other parameters become those of the constructor. They are cloned at the start of each term and therefore are
///   `Clone + Send + 'static`: shared things are an `Arc`, or a handle that clones cheaply.
/// - The function returns `()`, `!` or a `Result` whose error is `Debug`.
/// - A method takes `self: Arc<Self>`, or `self` if that is `Clone`. In the `impl` of a trait, write a plain method that
///   returns the task of a free function.
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
/// # What does not compile
///
/// - A function that is not `async`: nothing could stop it when the lease is lost.
/// - `&self`, `&str`, `Cow<'_, str>` and lifetime parameters: the task lives on when the caller has returned.
/// - An argument that is not `Clone`, or a body that is not `Send`.
/// - A lease name that Kubernetes would refuse, and timings with which two replicas could run at once.
/// - `main`: it runs in every replica.
#[proc_macro_attribute]
pub fn leader_only(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::leader_only(args.into(), item.into()).into()
}
