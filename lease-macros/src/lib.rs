//! The attribute of `lease-runtime`, which re-exports it: depend on that crate, not on this one.

mod args;
mod borrow;
mod expand;
mod item;
mod keys;
mod rules;
#[cfg(test)]
mod tests;
mod timing;
mod value;
mod written;

use proc_macro::TokenStream;

/// Makes an `async fn` a task that runs on the leader only: it starts when this replica acquires the lease, and it has stopped
/// before another replica starts it.
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
/// A call of `sync_ledger(db)` starts nothing. It returns a `LeaderTask`, which a `Candidate` runs.
///
/// # Keys
///
/// Each key except `crate` is also a method of [`LeaderTask`], which documents it in full. A value that the method sets wins over the
/// attribute.
///
/// | key | value | if not set | what it does |
/// |---|---|---|---|
/// | [`lease`] | a name | required | The name of the Lease object. |
/// | [`namespace`] | a name | the candidate's | The namespace of the Lease. |
/// | [`name`] | a string | the function's name | The name of the task in logs, errors and tick records. A task with another name is another task. |
/// | [`lease_duration`] | a duration in whole seconds | `"15s"` | How long a candidate waits without seeing a change of the Lease before it takes over. |
/// | [`renew_deadline`] | a duration | ⅔ of `lease_duration` | How long a leader that cannot renew continues before it asks its bodies to end. |
/// | [`retry_period`] | a duration | 2⁄15 of `lease_duration` | The pause after a failed request, and between two polls where watching is not possible. If nothing answers at the address of the API server, the pause is a quarter of it. |
/// | [`leader_label`] | no value | | While this process leads, its own Pod has the label `leader.lease-runtime.dev/LEASE: "true"`, so that a Service can select it. |
/// | [`leader_service`] | a name | | The leader puts its own address, and no other, behind this Service, which has no selector. The Service is in the namespace of the Pod. |
/// | [`cron`] | a string of five fields, `"@daily"` and the like, or a constant | none | Runs the body at these times: minute, hour, day of the month, month, day of the week. |
/// | [`time_zone`] | a string or a constant: an IANA name | `"UTC"` | The time zone of `cron`. |
/// | [`every`] | a duration in whole seconds | none | Runs the body at a fixed rate: at each multiple of this period since 1970. |
/// | [`offset`] | a duration in whole seconds, less than `every` | none | How long after each multiple of `every` the body runs. |
/// | [`delay`] | a duration in whole seconds | none | Runs the body this long after its last run has ended, on any replica. |
/// | [`once`] | no value | none | Runs the body once in the life of the Lease object: a migration. |
/// | [`jitter`] | a duration | none | The most by which a run starts later. The delay is computed from the tick, so it is the same on every replica. |
/// | [`overlap`] | `skip`, `buffer_one`, `cancel_other`, or `allow_all(2)` up to `allow_all(4)` | `skip` | What happens to a tick that falls due during a run. |
/// | [`catch_up`] | `none`, `latest` or `all` | `latest` | Which ticks run later if no replica could run them when they fell due. |
/// | [`max_catch_up`] | a number from 1 to 1000 | 100 | How many ticks may wait to be caught up, with `catch_up = all`. |
/// | [`start_deadline`] | a duration, or `unlimited` | until the next tick | How late a tick may still start. |
/// | [`delivery`] | `at_most_once` or `at_least_once` | `at_most_once` | Whether a tick runs again if its run was interrupted. With `at_least_once`, the body must take a `Tick` or a `Term`. |
/// | [`retry`] | a number from 0 to 100 | 0 | How often a tick is tried again if its run has failed. |
/// | [`restart`] | `always`, `on_failure` or `never` | `on_failure` | When a body that has ended by itself runs again. |
/// | [`backoff`] | two durations: `"1s..1m"` | `"1s..1m"` | The pause before a body runs again: random, from zero to a bound that doubles within this range. |
/// | [`max_restarts`] | a count and a duration: `"5 in 1m"` | `"5 in 1m"` | How often a failing body runs again, and within what time. |
/// | [`on_exhausted`] | `resign`, `exit` or `stop` | `resign` | What happens after that: let another replica try, end the process, or give up this task. |
/// | [`initial_delay`] | a duration | none | The time from the acquisition of the lease to the first run. |
/// | [`timeout`] | a duration | none | The longest time for one run. A run that takes longer has failed. |
/// | [`grace`] | a duration | `"10s"` | How long a body may take to end after it was asked to. Then it is dropped at its current `.await`. If the lease is lost, less time is left: 2 s with the defaults. |
/// | [`on_overrun`] | `abort` or `report` | `abort` | What happens if a body still blocks when the lease may pass to another replica: end the process, or log it. |
/// | [`on_loss`] | `reelect` or `exit` | `reelect` | What the process does after it has lost the lease. |
/// | `crate` | a path | `::lease_runtime` | Where `lease-runtime` is, if it has another name in your crate. |
///
/// A task with one of the keys `cron`, `every`, `delay` and `once` is *scheduled*: ticks start its runs. A task without them is
/// *continuous*: its body runs for as long as this replica leads.
///
/// - The keys from `cron` to `retry` are for scheduled tasks.
/// - The keys `restart`, `max_restarts` and `on_exhausted` are for continuous tasks.
/// - All other keys are for both.
///
/// The Lease stores the tick record of a task under the name of the task. If you rename the function, set `name` to the old name, or
/// the task starts with a new record.
///
/// **Durations** are strings of a whole number and one of the units `ms`, `s`, `m` and `h`: `"15s"`.
///
/// **Names** are strings or constants. A string may contain arguments in braces, as in `"shard-{shard:03}"`, `"tenant-{tenant.id}"`
/// and, in a method, `"shard-{self.id}"`. A word in capitals is a constant: `"{REGION}-ledger"`.
///
/// **Checks.** The compiler checks names, timings and schedules. Constants of `cron` and `time_zone` are checked when the task is
/// added. A name with arguments is checked by the compiler as far as it is known, and completely when the task is added.
///
/// [`LeaderTask`]: ../lease_runtime/struct.LeaderTask.html
/// [`lease`]: ../lease_runtime/struct.LeaderTask.html#method.lease
/// [`namespace`]: ../lease_runtime/struct.LeaderTask.html#method.namespace
/// [`name`]: ../lease_runtime/struct.LeaderTask.html#method.name
/// [`lease_duration`]: ../lease_runtime/struct.LeaderTask.html#method.lease_duration
/// [`renew_deadline`]: ../lease_runtime/struct.LeaderTask.html#method.renew_deadline
/// [`retry_period`]: ../lease_runtime/struct.LeaderTask.html#method.retry_period
/// [`leader_label`]: ../lease_runtime/struct.LeaderTask.html#method.leader_label
/// [`leader_service`]: ../lease_runtime/struct.LeaderTask.html#method.leader_service
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
/// - A parameter of type `Term` is the current term of leadership. There may be one, at any position. The attribute recognises it by
///   this name, so import a type of your own that is called `Term` under another name.
/// - A parameter of type `Tick` is the tick that the run is for, if the task is scheduled.
/// - All other parameters become parameters of the constructor. They are cloned at the start of each run, so they must be
///   `Clone + Send + 'static`. Share data with an `Arc` or a handle that is cheap to clone.
/// - The function returns `()`, `!`, or a `Result` whose error is `Debug`. A scheduled one returns `()` or `Result<(), _>`.
/// - A method takes `self: Arc<Self>`, or `self` if that is `Clone`. An associated function that uses the generics of its `impl`
///   must mention `Self`, as in `where Self: Sized`. In the `impl` of a trait, write a plain method that returns the task of a
///   function or method beside it.
/// - Generics, `impl Trait`, patterns and `#[cfg]` on parameters work as usual.
/// - Attributes below this one stay with the body, such as `#[tracing::instrument]`. Documentation, `cfg`, `deprecated`,
///   `must_use`, `track_caller` and lint levels go to the constructor.
///
/// # What it expands to
///
/// The code that you would write by hand. The function above becomes
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
/// If the name of the lease contains arguments, it is formatted before the closure takes them:
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
/// A task with a schedule:
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
/// The attribute adds a line to the documentation of the function if `grace` is longer than the time that a body has after the lease
/// is lost, and if `timeout` is longer than the time between two ticks.
///
/// Lints work as they do without the attribute. For example, `dead_code` reports a task that nothing adds.
///
/// # What does not compile
///
/// - A function that is not `async`: nothing could stop it when the lease is lost.
/// - `&self`, `&str`, `Cow<'_, str>` and lifetime parameters: the task outlives its caller.
/// - An argument that is not `Clone`, or a body that is not `Send`.
/// - A lease name that Kubernetes refuses, and timings with which two replicas could run at once.
/// - A key that would have no effect, such as `backoff` beside `restart = never`, or `time_zone` beside `every`.
/// - A cron expression that other programs read differently, or that is never due.
/// - A `start_deadline` that is shorter than a failover. `at_least_once` for a body that cannot tell which tick it runs for.
/// - `main`: it runs in every replica.
#[proc_macro_attribute]
pub fn leader_only(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::leader_only(args.into(), item.into()).into()
}
