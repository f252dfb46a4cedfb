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
/// | `cron` | a string of five fields, `"@daily"` and the like, or a constant | [`cron`] | |
/// | `time_zone` | a string, or a constant: an IANA name | [`time_zone`] | `"UTC"` |
/// | `every` | a duration, in whole seconds | [`every`] | |
/// | `offset` | a duration, in whole seconds, less than `every` | [`offset`] | none |
/// | `delay` | a duration, in whole seconds | [`delay`] | |
/// | `once` | | [`once`] | |
/// | `jitter` | a duration | [`jitter`] | none |
/// | `overlap` | `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`, up to 4 | [`overlap`] | `skip` |
/// | `catch_up` | `none`, `latest` or `all` | [`catch_up`] | `latest` |
/// | `max_catch_up` | a number, 1 to 1000 | [`max_catch_up`] | 100 |
/// | `start_deadline` | a duration, or `unlimited` | [`start_deadline`] | until the next tick |
/// | `delivery` | `at_most_once` or `at_least_once` | [`delivery`] | `at_most_once` |
/// | `retry` | a number, 0 to 100 | [`retry`] | 0 |
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
/// A task with one of `cron`, `every`, `delay` and `once` is started by ticks; without, its body runs all the time. The keys
/// between `once` and `restart` concern ticks, `restart`, `max_restarts` and `on_exhausted` a body that runs all the time, and
/// the rest all tasks.
///
/// What has run is recorded with the lease under the task's name: who renames a function starts a new record, unless `name` stays
/// as it was.
///
/// A duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: `"15s"`.
///
/// A name is a string or a constant. A string may have arguments in braces, as in `"shard-{shard:03}"`, `"tenant-{tenant.id}"`
/// and, in a method, `"shard-{self.id}"`. In capitals, it is a constant: `"{REGION}-ledger"`.
///
/// Names, timings and schedules are checked when the program is compiled; constants of `cron` and `time_zone` when the task is
/// added, names that are made from arguments as far as they are known, and
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
/// [`cron`]: ../lease_runtime/struct.LeaderTask.html#method.cron
/// [`time_zone`]: ../lease_runtime/struct.LeaderTask.html#method.time_zone
/// [`every`]: ../lease_runtime/struct.LeaderTask.html#method.every
/// [`offset`]: ../lease_runtime/struct.LeaderTask.html#method.offset
/// [`delay`]: ../lease_runtime/struct.LeaderTask.html#method.delay
/// [`once`]: ../lease_runtime/struct.LeaderTask.html#method.once
/// [`jitter`]: ../lease_runtime/struct.LeaderTask.html#method.jitter
/// [`overlap`]: ../lease_runtime/struct.LeaderTask.html#method.overlap
/// [`catch_up`]: ../lease_runtime/struct.LeaderTask.html#method.catch_up
/// [`max_catch_up`]: ../lease_runtime/struct.LeaderTask.html#method.max_catch_up
/// [`start_deadline`]: ../lease_runtime/struct.LeaderTask.html#method.start_deadline
/// [`delivery`]: ../lease_runtime/struct.LeaderTask.html#method.delivery
/// [`retry`]: ../lease_runtime/struct.LeaderTask.html#method.retry
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
/// - Likewise, one of the type `Tick` is the tick that a run is for, if the task has ticks.
/// - All other parameters become those of the constructor. They are cloned at the start of each run and therefore are
///   `Clone + Send + 'static`: shared things are an `Arc`, or a handle that clones cheaply.
/// - The function returns `()`, `!` or a `Result` whose error is `Debug`; with ticks, `()` or a `Result<(), _>`.
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
/// A task that is started by ticks:
///
/// ```text
/// #[leader_only(lease = "billing", cron = "0 2 * * *", time_zone = "Europe/Prague", delivery = at_least_once)]
/// async fn report(tick: Tick, db: Db) -> Result<(), Error> {}
/// ```
///
/// ```text
/// fn report(db: Db) -> ::lease_runtime::LeaderTask<Result<(), Error>> {
///     async fn report(tick: Tick, db: Db) -> Result<(), Error> {}
///     const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("billing");
///     ::lease_runtime::LeaderTask::scheduled(
///         "report",
///         __LEASE,
///         move |_, tick| report(tick, ::core::clone::Clone::clone(&db)),
///     )
///         .cron("0 2 * * *")
///         .time_zone("Europe/Prague")
///         .delivery(::lease_runtime::Delivery::AtLeastOnce)
/// }
/// ```
///
/// If `grace` is longer than what a body has of it when the lease is lost, a line of documentation says how much that is; another
/// one if `timeout` is longer than the time between two ticks, so that some may be skipped.
///
/// Lints fire as they do without the attribute: `dead_code` tells of a task that nobody adds.
///
/// # What does not compile
///
/// - A function that is not `async`: nothing could stop it when the lease is lost.
/// - `&self`, `&str`, `Cow<'_, str>` and lifetime parameters: the task lives on when the caller has returned.
/// - An argument that is not `Clone`, or a body that is not `Send`.
/// - A lease name that Kubernetes would refuse, and timings with which two replicas could run at once.
/// - A key that would have no effect, such as `backoff` beside `restart = never`, or `time_zone` beside `every`.
/// - A cron expression that another program would read in another way, or that is never due.
/// - A `start_deadline` that no failover can meet; `at_least_once` for a body that cannot tell which tick it runs for.
/// - `main`: it runs in every replica.
#[proc_macro_attribute]
pub fn leader_only(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::leader_only(args.into(), item.into()).into()
}
