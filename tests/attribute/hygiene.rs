//! Unusual but valid functions: a careless expansion would not compile, or would cause warnings.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![warn(redundant_lifetimes, single_use_lifetimes, trivial_casts, unused_lifetimes, variant_size_differences)]
#![allow(clippy::unused_async, reason = "fires for an async fn without an await, with or without the attribute")]

use std::sync::Arc;

use lease_runtime::{LeaderTask, Term, leader_only};

#[path = "hygiene/annotated.rs"]
mod annotated;
#[path = "hygiene/arguments.rs"]
mod arguments;
#[path = "hygiene/attributes.rs"]
mod attributes;
#[path = "hygiene/from_macros.rs"]
mod from_macros;
#[path = "hygiene/names.rs"]
mod names;
#[path = "hygiene/schedules.rs"]
mod schedules;
#[path = "hygiene/settings.rs"]
mod settings;
#[path = "hygiene/spans.rs"]
mod spans;

/// The expansion of `annotated`.
mod expanded {
    #![allow(unused_imports, reason = "the attribute's")]
    #![allow(clippy::redundant_async_block, reason = "converts `!` to the expected type")]

    include!("hygiene/expanded.rs");
}

/// In this module, every name that the expansion uses means something else.
mod shadows {
    #![allow(dead_code, clippy::module_inception)]

    pub(crate) struct Clone;
    pub(crate) struct Result;
    pub(crate) struct Option;
    pub(crate) struct LeaderTask;
    pub(crate) struct LeaseSpec;
    pub(crate) struct Duration;
    pub(crate) struct Infallible;
    pub(crate) struct OnOverrun;
    pub(crate) struct Restart;
    pub(crate) struct OnExhausted;
    pub(crate) struct OnLoss;
    pub(crate) struct Overlap;
    pub(crate) struct CatchUp;
    pub(crate) struct StartDeadline;
    pub(crate) struct Delivery;
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod lease_runtime {}
    pub(crate) const LEASE: &str = "shadowed";
    #[expect(unused_macros, reason = "shadows")]
    macro_rules! format {
        ($($tokens:tt)*) => {
            compile_error!("the expansion must not use this macro")
        };
    }
    pub(crate) const SPEC: u8 = 0;

    #[::lease_runtime::leader_only(
        lease = LEASE,
        lease_duration = "30s",
        renew_deadline = "20s",
        retry_period = "4s",
        restart = on_failure,
        backoff = "1s..1m",
        max_restarts = "5 in 1m",
        on_exhausted = resign,
        initial_delay = "1s",
        timeout = "1h",
        grace = "1m",
        on_overrun = report,
        on_loss = exit
    )]
    pub(crate) async fn shadowed(term: ::lease_runtime::Term, text: ::std::string::String) {
        let _ = (term, text, LEASE, SPEC);
    }

    #[::lease_runtime::leader_only(
        lease = LEASE,
        every = "1h",
        offset = "1s",
        jitter = "1s",
        overlap = allow_all(2),
        catch_up = all,
        start_deadline = unlimited,
        delivery = at_least_once
    )]
    pub(crate) async fn ticking(tick: ::lease_runtime::Tick, text: ::std::string::String) {
        let _ = (tick, text);
    }

    #[::lease_runtime::leader_only(lease = LEASE, delay = "10s")]
    pub(crate) async fn delayed() {}

    #[::lease_runtime::leader_only(lease = "shadowed-{text}-{LEASE}")]
    pub(crate) async fn never(text: ::std::string::String) -> ! {
        let _ = text;
        ::std::future::pending().await
    }
}

/// User code with the names that the expansion uses.
mod own_names {
    use super::*;

    const LEASE: &str = "own-names";

    #[leader_only(lease = LEASE)]
    pub(crate) async fn term(
        term: u8,
        leadership: Term,
        body: u8,
        arg3: u8,
        (_, _): (u8, u8),
        spec: u8,
    ) -> u8_result::Of {
        let _ = leadership;
        Ok(term + body + arg3 + spec)
    }

    #[leader_only(lease = "own-names")]
    pub(crate) async fn body(term: u8, _: Term, body: u8) -> ! {
        let _ = term + body;
        std::future::pending().await
    }

    pub(crate) mod u8_result {
        /// A `Result` with another name.
        pub(crate) type Of = Result<u8, std::fmt::Error>;
    }
}

/// The dependency with another name.
mod renamed {
    extern crate lease_runtime as elections;

    #[elections::leader_only(lease = "renamed", on_overrun = abort, crate = elections)]
    pub(crate) async fn renamed(number: u8) {
        let _ = number;
    }

    #[elections::leader_only(lease = "renamed", once, delivery = at_most_once, crate = elections)]
    pub(crate) async fn once(number: u8, _: elections::Tick) {
        let _ = number;
    }
}

/// Identifiers that cannot be rebuilt from their text.
mod raw {
    use super::*;

    #[leader_only(r#lease = "raw", r#name = "type")]
    pub(crate) async fn r#type(r#match: u8, r#try: Term) {
        let _ = (r#match, r#try);
    }

    #[leader_only(lease = "raw")]
    pub(crate) async fn r#final() {}

    #[derive(Clone)]
    pub(crate) struct Raw;

    impl Raw {
        #[leader_only(lease = "raw")]
        pub(crate) async fn r#move(self, r#in: u8) {
            let _ = (self, r#in);
        }
    }
}

/// Generic functions.
mod generics {
    use std::fmt::{Debug, Display};

    use super::*;

    #[leader_only(lease = "generic")]
    pub(crate) async fn generic<T, const N: usize, U>(
        items: [T; N],
        sink: impl Fn(String) + Clone + Send + Sync + 'static,
    ) where
        T: Display + Clone + Send + Sync + 'static,
        U: Default + Send + 'static,
    {
        for item in &items {
            sink(item.to_string());
        }
        drop(U::default());
    }

    /// What cannot be inferred from the arguments.
    #[leader_only(lease = "uninferred")]
    pub(crate) async fn uninferred<T: Send + 'static, const N: usize>() {
        let _ = (size_of::<T>(), N);
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Of<T>(pub(crate) T);

    impl<T: Clone + Debug + Send + 'static> Of<T> {
        #[leader_only(lease = "of")]
        pub(crate) async fn run<U: Clone + Debug + Send + 'static>(self, with: U, term: Term) -> Result<Self, U> {
            let _ = (with, term);
            Ok(self)
        }

        #[leader_only(lease = "of")]
        pub(crate) async fn named(of: T) -> Result<(), Self> {
            Err(Self(of))
        }

        /// It uses a generic of the `impl`, so it must mention `Self`.
        #[leader_only(lease = "of")]
        pub(crate) async fn mentioned(of: T)
        where
            Self: Sized,
        {
            drop(of);
        }
    }
}

/// Methods and associated functions.
mod methods {
    use super::*;

    #[derive(Clone)]
    pub(crate) struct Ledger(pub(crate) u8);

    impl Ledger {
        const LEASE: &'static str = "ledger";

        #[leader_only(lease = Ledger::LEASE)]
        pub(crate) async fn shared(mut self: Arc<Self>, term: Term) {
            if let Some(this) = Arc::get_mut(&mut self) {
                this.0 += 1;
            }
            let _ = term;
        }

        /// Documented, with the term between other parameters.
        #[leader_only(lease = "ledger")]
        pub(crate) async fn associated(term: Term, number: u8) {
            let _ = (term, number);
        }

        #[leader_only(lease = "ledger")]
        pub(crate) async fn names_itself(number: u8) -> Result<(), std::fmt::Error> {
            let Self(number) = Self(number);
            let _ = number;
            Ok(())
        }

        #[leader_only(lease = "ledger")]
        pub(crate) async fn boxed(self: Box<Self>) {
            let _ = self.0;
        }
    }

    /// A method of a trait is not annotated. It returns the task of a function.
    pub(crate) trait Job {
        fn task(self: Arc<Self>) -> LeaderTask<()>;
    }

    impl Job for Ledger {
        fn task(self: Arc<Self>) -> LeaderTask<()> {
            self.shared()
        }
    }
}

/// A recursive call stays in the same run: inside the body, the name means the body.
#[leader_only(lease = "recursion")]
async fn recursion(term: Term, depth: u8) -> Result<(), u8> {
    match depth {
        0 => Err(depth),
        _ => Box::pin(recursion(term, depth - 1)).await,
    }
}

/// A `Self` in the body of a free function belongs to an item inside the body.
#[leader_only(lease = "others")]
async fn selves_of_others() {
    struct Local;
    impl Local {
        fn new() -> Self {
            Self
        }
    }
    let _ = Local::new();
}

#[leader_only(lease = "opaque")]
async fn opaque() -> Result<impl Iterator<Item = u8>, std::fmt::Error> {
    Ok(0..7)
}

#[test]
fn all_of_them_are_tasks() {
    #[leader_only(lease = "local")]
    async fn local() {}

    #[allow(deprecated)]
    let plain: Vec<LeaderTask<()>> = vec![
        shadows::shadowed(String::new()),
        shadows::ticking(String::new()),
        shadows::delayed(),
        from_macros::whole(7),
        from_macros::body(),
        Arc::new(from_macros::Made).made(),
        from_macros::through(),
        renamed::renamed(7),
        renamed::once(7),
        attributes::conditional(),
        attributes::present(7, 7),
        attributes::expecting(7),
        Arc::new(attributes::Ledger).expecting(7),
        Arc::new(attributes::Ledger).Shouting(7),
        attributes::old(),
        attributes::conditionally(7),
        raw::r#type(7),
        raw::r#final(),
        raw::Raw.r#move(7),
        arguments::underscored(7),
        arguments::references(&arguments::Config, "", &[]),
        arguments::shared(Arc::new(arguments::NotClone), &arguments::NotClone, Arc::new(|text| text)),
        arguments::functions(|text| text, |text| text, |number| number),
        arguments::patterns(arguments::Pair(7, 7), [7, 7], 7, 7, (7, 7), vec![]),
        generics::generic::<_, 2, u8>([7, 7], drop),
        generics::uninferred::<String, 7>(),
        Arc::new(methods::Ledger(7)).shared(),
        methods::Ledger::associated(7),
        Box::new(methods::Ledger(7)).boxed(),
        methods::Job::task(Arc::new(methods::Ledger(7))),
        Arc::new(attributes::Ledger).traced(),
        generics::Of::mentioned(7),
        settings::latest_renewal(),
        settings::slowest_retry(),
        settings::longest_lease(),
        settings::shortest_lease(),
        settings::names(),
        settings::all_keys(),
        settings::words(),
        settings::once(),
        selves_of_others(),
        local(),
    ];
    assert_eq!(plain.len(), 42);
    assert_eq!(schedules::tasks().len(), 19);

    let _: [LeaderTask<Result<u8, std::fmt::Error>>; 2] = [attributes::surrounded(7), attributes::traced(7)];

    annotated::tasks();
    expanded::tasks();

    let _: LeaderTask<std::convert::Infallible> = shadows::never(String::new());
    let _: LeaderTask<std::convert::Infallible> = own_names::body(7, 7);
    let _: LeaderTask<Result<u8, std::fmt::Error>> = own_names::term(7, 7, 7, (7, 7), 7);
    let _: LeaderTask<Result<(), std::fmt::Error>> = from_macros::parts(None, (7, 7));
    let _: LeaderTask<Result<generics::Of<u8>, String>> = generics::Of(7).run(String::new());
    let _: LeaderTask<Result<(), generics::Of<u8>>> = generics::Of::named(7);
    let _: LeaderTask<Result<(), std::fmt::Error>> = methods::Ledger::names_itself(7);
    let _: LeaderTask<Result<(), u8>> = recursion(7);
    let _ = opaque();
}

/// In every run, the body receives the constructor's arguments in the right order.
#[tokio::test]
async fn arguments_arrive() {
    #[leader_only(lease = "arrival")]
    async fn arrival(
        first: u8,
        term: Term,
        (second, _): (u8, u8),
        third: &'static str,
    ) -> Result<String, std::fmt::Error> {
        Ok(format!("{first} {second} {third} {}", term.is_cancelled()))
    }

    let mut task = arrival(1, (2, 0), "three");
    for _ in 0..2 {
        assert_eq!(task.run_body(Term::for_test().0).await, Ok("1 2 three false".to_owned()));
    }
    assert_eq!(recursion(3).run_body(Term::for_test().0).await, Err(0));
}
