//! The expansion in the form of `cargo expand`. `UPDATE_EXPECT=1 cargo test -p lease-macros` updates it.

mod docs;
#[path = "../../examples/expand/file.rs"]
mod file;
mod keys;
mod methods;
mod mistakes;
mod samples;
mod schedule_rules;
mod schedule_values;
mod schedules;
mod settings;
mod values;
mod zones;

use expect_test::{Expect, expect, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

fn print(tokens: TokenStream) -> String {
    let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    prettyplease::unparse(&file)
}

fn check(args: TokenStream, item: TokenStream, expected: Expect) {
    expected.assert_eq(&print(crate::expand::leader_only(args, item)));
}

#[test]
fn a_free_function() {
    check(
        quote!(lease = "hello"),
        quote! {
            /// Says hello from the leader.
            pub async fn hello() {
                println!("hello");
            }
        },
        expect![[r#"
            /// Says hello from the leader.
            pub fn hello() -> ::lease_runtime::LeaderTask<()> {
                async fn hello() {
                    println!("hello");
                }
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("hello");
                ::lease_runtime::LeaderTask::new("hello", __LEASE, move |_| hello())
            }
        "#]],
    );
}

#[test]
fn a_term_arguments_and_timings() {
    check(
        quote!(
            lease = "reindexer",
            retry_period = "500ms",
            renew_deadline = "20s",
            lease_duration = "30s",
            namespace = "search"
        ),
        quote! {
            pub(crate) async fn reindex(term: Term, db: Db, mut batch: usize) -> Result<(), Oops> {
                run(term, db, &mut batch).await
            }
        },
        expect![[r#"
            pub(crate) fn reindex(
                db: Db,
                batch: usize,
            ) -> ::lease_runtime::LeaderTask<Result<(), Oops>> {
                async fn reindex(term: Term, db: Db, mut batch: usize) -> Result<(), Oops> {
                    run(term, db, &mut batch).await
                }
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        "reindexer",
                    )
                    .namespace("search")
                    .lease_duration(::core::time::Duration::from_secs(30))
                    .renew_deadline(::core::time::Duration::from_secs(20))
                    .retry_period(::core::time::Duration::from_millis(500));
                ::lease_runtime::LeaderTask::new(
                    "reindex",
                    __LEASE,
                    move |term| reindex(
                        term,
                        ::core::clone::Clone::clone(&db),
                        ::core::clone::Clone::clone(&batch),
                    ),
                )
            }
        "#]],
    );
}

#[test]
fn generics_a_pattern_and_a_where_clause() {
    check(
        quote!(lease = "printer"),
        quote! {
            async fn print_all<T, const N: usize>(
                items: [T; N],
                (left, right): (u8, u8),
                _: u8,
                sink: impl Fn(&str) + Clone + Send + 'static,
            ) where T: Display + Clone + Send + 'static {}
        },
        expect![[r#"
            fn print_all<T, const N: usize>(
                items: [T; N],
                arg1: (u8, u8),
                arg2: u8,
                sink: impl Fn(&str) + Clone + Send + 'static,
            ) -> ::lease_runtime::LeaderTask<()>
            where
                T: Display + Clone + Send + 'static,
            {
                async fn print_all<T, const N: usize>(
                    items: [T; N],
                    (left, right): (u8, u8),
                    _: u8,
                    sink: impl Fn(&str) + Clone + Send + 'static,
                )
                where
                    T: Display + Clone + Send + 'static,
                {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "printer",
                );
                ::lease_runtime::LeaderTask::new(
                    "print_all",
                    __LEASE,
                    move |_| print_all::<
                        T,
                        N,
                    >(
                        ::core::clone::Clone::clone(&items),
                        ::core::clone::Clone::clone(&arg1),
                        ::core::clone::Clone::clone(&arg2),
                        ::core::clone::Clone::clone(&sink),
                    ),
                )
            }
        "#]],
    );
}

#[test]
fn a_function_that_never_returns() {
    check(
        quote!(lease = "forever"),
        quote! {
            async fn forever(_: Term, db: Db) -> ! {
                loop {
                    db.work().await
                }
            }
        },
        expect![[r#"
            fn forever(db: Db) -> ::lease_runtime::LeaderTask<::core::convert::Infallible> {
                async fn forever(_: Term, db: Db) -> ! {
                    loop {
                        db.work().await
                    }
                }
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "forever",
                );
                ::lease_runtime::LeaderTask::new(
                    "forever",
                    __LEASE,
                    move |term| {
                        let body = forever(term, ::core::clone::Clone::clone(&db));
                        async move { body.await }
                    },
                )
            }
        "#]],
    );
}

#[test]
fn parameters_under_cfg() {
    check(
        quote!(lease = "hello"),
        quote! {
            async fn hello(#[cfg(debug)] term: Term, #[cfg(unix)] signals: Signals, #[allow(unused)] db: Db) {}
        },
        expect![[r#"
            fn hello(#[cfg(unix)] signals: Signals, db: Db) -> ::lease_runtime::LeaderTask<()> {
                async fn hello(
                    #[cfg(debug)]
                    term: Term,
                    #[cfg(unix)]
                    signals: Signals,
                    #[allow(unused)]
                    db: Db,
                ) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("hello");
                ::lease_runtime::LeaderTask::new(
                    "hello",
                    __LEASE,
                    move |_term| hello(
                        #[cfg(debug)]
                        _term,
                        #[cfg(unix)]
                        ::core::clone::Clone::clone(&signals),
                        ::core::clone::Clone::clone(&db),
                    ),
                )
            }
        "#]],
    );
}

#[test]
fn attributes_go_where_they_belong() {
    check(
        quote!(lease = "hello"),
        quote! {
            /// Says hello.
            #[cfg(unix)]
            #[instrument(skip_all)]
            #[must_use = "is a task"]
            #[expect(unused)]
            #[inline]
            #[cfg_attr(feature = "trace", doc = "Traced.", tracing::instrument, allow(unused))]
            async fn hello() {}
        },
        expect![[r#"
            /// Says hello.
            #[cfg(unix)]
            #[must_use = "is a task"]
            #[expect(unused)]
            #[cfg_attr(feature = "trace", doc = "Traced.", allow(unused))]
            fn hello() -> ::lease_runtime::LeaderTask<()> {
                #[instrument(skip_all)]
                #[inline]
                #[cfg_attr(feature = "trace", tracing::instrument)]
                async fn hello() {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("hello");
                ::lease_runtime::LeaderTask::new("hello", __LEASE, move |_| hello())
            }
        "#]],
    );
}

#[test]
fn settings_of_the_task() {
    check(
        quote!(lease = LEASE, name = "greeter", on_overrun = report, grace = "2m"),
        quote! {
            async fn hello(greeting: Arc<dyn Fn(&str) -> &str>, name: &'static str) {}
        },
        expect![[r#"
            /// If the lease is lost, the body has 2s of its 2m of grace: `lease_duration / 1.25 - renew_deadline`.
            fn hello(
                greeting: Arc<dyn Fn(&str) -> &str>,
                name: &'static str,
            ) -> ::lease_runtime::LeaderTask<()> {
                async fn hello(greeting: Arc<dyn Fn(&str) -> &str>, name: &'static str) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(LEASE);
                ::lease_runtime::LeaderTask::new(
                        "greeter",
                        __LEASE,
                        move |_| hello(
                            ::core::clone::Clone::clone(&greeting),
                            ::core::clone::Clone::clone(&name),
                        ),
                    )
                    .grace(::core::time::Duration::from_secs(120))
                    .on_overrun(::lease_runtime::OnOverrun::Report)
            }
        "#]],
    );
}

#[test]
fn a_runtime_of_another_name() {
    check(
        quote!(crate = crate::reexports::runtime, lease = "hello", on_overrun = abort),
        quote!(
            async fn hello() {}
        ),
        expect![[r#"
            fn hello() -> crate::reexports::runtime::LeaderTask<()> {
                async fn hello() {}
                const __LEASE: crate::reexports::runtime::LeaseSpec = crate::reexports::runtime::LeaseSpec::new(
                    "hello",
                );
                crate::reexports::runtime::LeaderTask::new("hello", __LEASE, move |_| hello())
                    .on_overrun(crate::reexports::runtime::OnOverrun::Abort)
            }
        "#]],
    );
}

#[test]
fn a_plain_function_grows_by_at_most_twelve_lines() {
    let item = quote! {
        async fn sync_ledger(term: Term, db: Db) -> Result<(), Error> {
            db.sync(term.fencing_token()).await
        }
    };
    let before = print(item.clone()).lines().count();
    let after = print(crate::expand::leader_only(quote!(lease = "ledger", lease_duration = "30s"), item));
    assert!(after.lines().count() <= before + 12, "{after}");
}

/// The integration tests compile both files. This proves that the expansion is valid code that users could write themselves.
#[test]
fn the_expansion_is_what_one_could_write() {
    let mut file: syn::File =
        syn::parse_str(include_str!("../../../tests/attribute/hygiene/annotated.rs")).expect("the file is valid Rust");
    file.items = file::expand_annotated(file.items, true);
    let expanded = "// Of `annotated.rs`, written by `UPDATE_EXPECT=1 cargo test -p lease-macros`.\n\n".to_owned();
    expect_file!["../../../tests/attribute/hygiene/expanded.rs"].assert_eq(&(expanded + &prettyplease::unparse(&file)));
}
