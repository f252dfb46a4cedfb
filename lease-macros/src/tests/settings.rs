//! Keys that become methods, and names that contain arguments.

use super::*;

#[test]
fn what_happens_after_a_body_has_ended() {
    check(
        quote!(
            lease = "mail",
            on_loss = exit,
            timeout = "30s",
            initial_delay = "500ms",
            on_exhausted = stop,
            max_restarts = "3 in 2m",
            backoff = "250ms..1h",
            restart = always,
        ),
        quote!(
            async fn fetch_mail() {}
        ),
        expect![[r#"
            fn fetch_mail() -> ::lease_runtime::LeaderTask<()> {
                async fn fetch_mail() {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("mail");
                ::lease_runtime::LeaderTask::new("fetch_mail", __LEASE, move |_| fetch_mail())
                    .restart(::lease_runtime::Restart::Always)
                    .backoff(
                        ::core::time::Duration::from_millis(
                            250,
                        )..=::core::time::Duration::from_secs(3600),
                    )
                    .max_restarts(3, ::core::time::Duration::from_secs(120))
                    .on_exhausted(::lease_runtime::OnExhausted::Stop)
                    .initial_delay(::core::time::Duration::from_millis(500))
                    .timeout(::core::time::Duration::from_secs(30))
                    .on_loss(::lease_runtime::OnLoss::Exit)
            }
        "#]],
    );
}

#[test]
fn a_grace_that_is_not_all_there_when_the_lease_is_lost() {
    let with_docs = quote! {
        /// Fetches the mail.
        #[must_use]
        async fn fetch_mail() {}
    };
    check(
        quote!(lease = "mail", grace = "1m", lease_duration = "30s"),
        with_docs.clone(),
        expect![[r#"
        /// Fetches the mail.
        ///
        /// If the lease is lost, the body has 4s of its 1m of grace: `lease_duration / 1.25 - renew_deadline`.
        #[must_use]
        fn fetch_mail() -> ::lease_runtime::LeaderTask<()> {
            async fn fetch_mail() {}
            const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("mail")
                .lease_duration(::core::time::Duration::from_secs(30));
            ::lease_runtime::LeaderTask::new("fetch_mail", __LEASE, move |_| fetch_mail())
                .grace(::core::time::Duration::from_secs(60))
        }
    "#]],
    );
    // All of it is.
    check(
        quote!(lease = "mail", grace = "2s"),
        with_docs,
        expect![[r#"
        /// Fetches the mail.
        #[must_use]
        fn fetch_mail() -> ::lease_runtime::LeaderTask<()> {
            async fn fetch_mail() {}
            const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("mail");
            ::lease_runtime::LeaderTask::new("fetch_mail", __LEASE, move |_| fetch_mail())
                .grace(::core::time::Duration::from_secs(2))
        }
    "#]],
    );
}

#[test]
fn a_lease_made_from_arguments() {
    check(
        quote!(lease = "shard-{shard:03}", lease_duration = "30s", restart = never),
        quote!(
            async fn drain(term: Term, shard: u32, db: Db) {}
        ),
        expect![[r#"
            fn drain(shard: u32, db: Db) -> ::lease_runtime::LeaderTask<()> {
                async fn drain(term: Term, shard: u32, db: Db) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed()
                    .lease_duration(::core::time::Duration::from_secs(30));
                let lease = ::std::format!("shard-{shard:03}");
                ::lease_runtime::LeaderTask::new(
                        "drain",
                        __LEASE,
                        move |term| drain(
                            term,
                            ::core::clone::Clone::clone(&shard),
                            ::core::clone::Clone::clone(&db),
                        ),
                    )
                    .lease(lease)
                    .restart(::lease_runtime::Restart::Never)
            }
        "#]],
    );
}

#[test]
fn a_lease_made_from_fields_and_constants() {
    check(
        quote!(lease = "{PREFIX}-{tenant.id}-{tenant.region.0:>2}", namespace = "team-{lease}"),
        quote!(
            async fn drain(tenant: Tenant, lease: String) {}
        ),
        expect![[r#"
            fn drain(tenant: Tenant, lease: String) -> ::lease_runtime::LeaderTask<()> {
                async fn drain(tenant: Tenant, lease: String) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
                let __lease = ::std::format!("{PREFIX}-{}-{:>2}", tenant.id, tenant.region.0);
                let namespace = ::std::format!("team-{lease}");
                ::lease_runtime::LeaderTask::new(
                        "drain",
                        __LEASE,
                        move |_| drain(
                            ::core::clone::Clone::clone(&tenant),
                            ::core::clone::Clone::clone(&lease),
                        ),
                    )
                    .lease(__lease)
                    .namespace(namespace)
            }
        "#]],
    );
}

#[test]
fn a_lease_made_from_self() {
    methods::check_method(
        quote!(lease = "shard-{self.id}"),
        quote!(
            async fn drain(self: Arc<Self>) {}
        ),
        expect![[r#"
            impl Ledger {
                fn drain(self: Arc<Self>) -> ::lease_runtime::LeaderTask<()> {
                    const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
                    let lease = ::std::format!("shard-{}", self.id);
                    ::lease_runtime::LeaderTask::new(
                            "drain",
                            __LEASE,
                            move |_| Self::__drain_in_inherent_impl(
                                ::core::clone::Clone::clone(&self),
                            ),
                        )
                        .lease(lease)
                }
                #[doc(hidden)]
                async fn __drain_in_inherent_impl(self: Arc<Self>) {}
            }
        "#]],
    );
}

#[test]
fn how_traffic_reaches_the_leader() {
    check(
        quote!(lease = "mail", leader_service = "mail-api", leader_label),
        quote!(
            async fn fetch_mail() {}
        ),
        expect![[r#"
            fn fetch_mail() -> ::lease_runtime::LeaderTask<()> {
                async fn fetch_mail() {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new("mail")
                    .leader_label()
                    .leader_service("mail-api");
                ::lease_runtime::LeaderTask::new("fetch_mail", __LEASE, move |_| fetch_mail())
            }
        "#]],
    );
    check(
        quote!(lease = "mail-{region}", leader_service = "mail-{region}"),
        quote!(
            async fn fetch_mail(region: u8) {}
        ),
        expect![[r#"
            fn fetch_mail(region: u8) -> ::lease_runtime::LeaderTask<()> {
                async fn fetch_mail(region: u8) {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::unnamed();
                let lease = ::std::format!("mail-{region}");
                let leader_service = ::std::format!("mail-{region}");
                ::lease_runtime::LeaderTask::new(
                        "fetch_mail",
                        __LEASE,
                        move |_| fetch_mail(::core::clone::Clone::clone(&region)),
                    )
                    .lease(lease)
                    .leader_service(leader_service)
            }
        "#]],
    );
}
