//! Methods and associated functions, whose bodies are written beside the constructor.

use super::*;

/// In an `impl`.
pub(super) fn check_method(args: TokenStream, item: TokenStream, expected: Expect) {
    let method = crate::expand::leader_only(args, item);
    expected.assert_eq(&print(quote!(impl Ledger { #method })));
}

#[test]
fn a_method() {
    check_method(
        quote!(lease = names::LEDGER),
        quote!(
            /// Posts what is due.
            #[allow(clippy::todo)]
            pub async fn run(mut self: Arc<Self>, _term: Term) -> Result<Self, Oops> {
                todo!()
            }
        ),
        expect![[r#"
            impl Ledger {
                /// Posts what is due.
                #[allow(clippy::todo)]
                pub fn run(self: Arc<Self>) -> ::lease_runtime::LeaderTask<Result<Self, Oops>> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        names::LEDGER,
                    );
                    ::lease_runtime::LeaderTask::new(
                        "run",
                        __LEASE,
                        move |term| Self::__run_in_inherent_impl(
                            ::core::clone::Clone::clone(&self),
                            term,
                        ),
                    )
                }
                #[allow(clippy::todo)]
                #[doc(hidden)]
                async fn __run_in_inherent_impl(
                    mut self: Arc<Self>,
                    _term: Term,
                ) -> Result<Self, Oops> {
                    todo!()
                }
            }
        "#]],
    );
}

#[test]
fn a_method_that_takes_itself() {
    check_method(
        quote!(lease = "ledger"),
        quote!(
            async fn r#move<T>(self, to: T) {}
        ),
        expect![[r#"
            impl Ledger {
                fn r#move<T>(self, to: T) -> ::lease_runtime::LeaderTask<()> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        "ledger",
                    );
                    ::lease_runtime::LeaderTask::new(
                        "move",
                        __LEASE,
                        move |_| Self::__move_in_inherent_impl::<
                            T,
                        >(::core::clone::Clone::clone(&self), ::core::clone::Clone::clone(&to)),
                    )
                }
                #[doc(hidden)]
                async fn __move_in_inherent_impl<T>(self, to: T) {}
            }
        "#]],
    );
}

#[test]
fn an_associated_function_that_names_self() {
    check_method(
        quote!(lease = "ledger"),
        quote!(
            async fn run(db: Db) {
                Self::new(db).run().await
            }
        ),
        expect![[r#"
            impl Ledger {
                fn run(db: Db) -> ::lease_runtime::LeaderTask<()> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        "ledger",
                    );
                    ::lease_runtime::LeaderTask::new(
                        "run",
                        __LEASE,
                        move |_| Self::__run_in_inherent_impl(::core::clone::Clone::clone(&db)),
                    )
                }
                #[doc(hidden)]
                async fn __run_in_inherent_impl(db: Db) {
                    Self::new(db).run().await
                }
            }
        "#]],
    );
}

/// These bodies do not use `Self`, so they stay inside the constructor. In a free function, `Self` would not resolve.
#[test]
fn a_self_that_belongs_to_another_item() {
    check(
        quote!(lease = "ledger"),
        quote!(
            async fn run(db: Db) {
                struct Local;
                impl Local {
                    fn new() -> Self {
                        Self
                    }
                }
                fn helper<Self_>(from: Self_) {}
            }
        ),
        expect![[r#"
            fn run(db: Db) -> ::lease_runtime::LeaderTask<()> {
                async fn run(db: Db) {
                    struct Local;
                    impl Local {
                        fn new() -> Self {
                            Self
                        }
                    }
                    fn helper<Self_>(from: Self_) {}
                }
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "ledger",
                );
                ::lease_runtime::LeaderTask::new(
                    "run",
                    __LEASE,
                    move |_| run(::core::clone::Clone::clone(&db)),
                )
            }
        "#]],
    );
}

#[test]
fn attributes_go_where_they_belong() {
    check_method(
        quote!(lease = "hello"),
        quote! {
            /// Says hello.
            #[cfg(unix)]
            #[instrument(skip_all)]
            #[deprecated]
            #[expect(unused)]
            #[deny(unsafe_code)]
            #[cfg_attr(feature = "trace", tracing::instrument)]
            async fn hello(self) {}
        },
        expect![[r#"
            impl Ledger {
                /// Says hello.
                #[cfg(unix)]
                #[deprecated]
                #[deny(unsafe_code)]
                fn hello(self) -> ::lease_runtime::LeaderTask<()> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                        "hello",
                    );
                    ::lease_runtime::LeaderTask::new(
                        "hello",
                        __LEASE,
                        move |_| Self::__hello_in_inherent_impl(::core::clone::Clone::clone(&self)),
                    )
                }
                #[cfg(unix)]
                #[instrument(skip_all)]
                #[expect(unused)]
                #[deny(unsafe_code)]
                #[cfg_attr(feature = "trace", tracing::instrument)]
                #[doc(hidden)]
                async fn __hello_in_inherent_impl(self) {}
            }
        "#]],
    );
}
