use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn unset_timings_follow_the_lease_duration() {
    assert_eq!(LeaseSpec::new("a").timing(), Timing::default());
    assert_eq!(
        LeaseSpec::new("a").lease_duration(ms(30_000)).timing(),
        Timing { lease_duration: ms(30_000), renew_deadline: ms(20_000), retry_period: ms(4_000) }
    );
    // The longest possible lease does not overflow.
    let longest = LeaseSpec::new("a").lease_duration(Duration::from_secs(i32::MAX as u64)).timing();
    assert_eq!(longest.renew_deadline, Duration::from_nanos(i32::MAX as u64 * 2_000_000_000 / 3));
    assert_eq!(longest.published_seconds(), i32::MAX);
}

#[test]
fn a_spec_is_built_in_a_constant() {
    const SPEC: LeaseSpec = LeaseSpec::new("shard-7.search")
        .namespace("search")
        .lease_duration(Duration::from_secs(4))
        .renew_deadline(Duration::from_secs(3))
        .retry_period(Duration::from_millis(500));
    assert_eq!(SPEC.lease_name(), Some("shard-7.search"));
    assert_eq!(SPEC.namespace_name(), Some("search"));
    assert_eq!(LeaseSpec::new("a").namespace_name(), None);
    assert_eq!(SPEC.timing(), Timing { lease_duration: ms(4_000), renew_deadline: ms(3_000), retry_period: ms(500) });
}

#[test]
fn names_are_dns_subdomains() {
    for good in ["a", "7", "ledger", "ledger-sync", "a--b", "a.b", "shard-0.search.example", "0-0"] {
        assert_eq!(check_lease_name(good), Ok(()), "{good:?}");
    }
    for bad in ["Ledger", "a_b", "a b", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "á", "a/b", "a\0"] {
        assert_eq!(check_lease_name(bad).map_err(|e| e.rule()), Err(Rule::LeaseNameForm), "{bad:?}");
    }
    assert_eq!(check_lease_name("").map_err(|e| e.rule()), Err(Rule::LeaseNameEmpty));
    assert_eq!(check_lease_name(&"a".repeat(253)), Ok(()));
    assert_eq!(check_lease_name(&"a".repeat(254)).map_err(|e| e.rule()), Err(Rule::LeaseNameLength));
}

#[test]
fn a_namespace_before_the_name_of_a_lease_is_set_apart() {
    let error = check_lease_name("finance/ledger").unwrap_err().to_string();
    assert!(error.ends_with(r#"name it "ledger", and set its namespace to "finance""#), "{error}");
}

#[test]
fn namespaces_are_dns_labels() {
    for good in ["a", "default", "team-7"] {
        assert_eq!(check_namespace(good), Ok(()), "{good:?}");
    }
    for bad in ["a.b", "Team", "-a", "a-", "a_b"] {
        assert_eq!(check_namespace(bad).map_err(|e| e.rule()), Err(Rule::NamespaceForm), "{bad:?}");
    }
    assert_eq!(check_namespace("").map_err(|e| e.rule()), Err(Rule::NamespaceEmpty));
    assert_eq!(check_namespace(&"a".repeat(63)), Ok(()));
    assert_eq!(check_namespace(&"a".repeat(64)).map_err(|e| e.rule()), Err(Rule::NamespaceLength));
}

/// Each row is one step to either side of a rule.
#[test]
fn timings_leave_room_to_stop_and_to_retry() {
    let rows = [
        ((1_000, 667, 133), None),
        ((0, 1, 1), Some(Rule::LeaseDurationZero)),
        ((999, 100, 10), Some(Rule::LeaseDurationWhole)),
        ((15_500, 10_000, 2_000), Some(Rule::LeaseDurationWhole)),
        ((i32::MAX as u64 * 1_000, 10_000, 2_000), None),
        ((i32::MAX as u64 * 1_000 + 1_000, 10_000, 2_000), Some(Rule::LeaseDurationLength)),
        ((15_000, 0, 2_000), Some(Rule::RenewDeadlineZero)),
        ((15_000, 11_999, 2_000), None),
        ((15_000, 12_000, 2_000), Some(Rule::RenewDeadlineLength)),
        ((15_000, u64::MAX, 2_000), Some(Rule::RenewDeadlineLength)),
        ((15_000, 10_000, 0), Some(Rule::RetryPeriodZero)),
        ((15_000, 10_200, 8_499), None),
        ((15_000, 10_200, 8_500), Some(Rule::RetryPeriodLength)),
        ((15_000, 10_000, u64::MAX), Some(Rule::RetryPeriodLength)),
    ];
    for ((lease, renew, retry), rule) in rows {
        let timing = Timing { lease_duration: ms(lease), renew_deadline: ms(renew), retry_period: ms(retry) };
        assert_eq!(check_timing(&timing).err().map(|e| e.rule()), rule, "{timing:?}");
    }
    let forever = Timing { lease_duration: Duration::MAX, renew_deadline: Duration::MAX, retry_period: Duration::MAX };
    assert!(check_timing(&forever).is_err());
}

#[test]
fn errors_say_what_was_found_and_what_to_do() {
    let said = |error: Result<(), SpecError>| error.map_err(|e| e.to_string()).expect_err("a broken rule");
    assert_eq!(
        said(check_lease_name("Ledger_Sync")),
        "a lease's name must consist of lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each \
         part, not \"Ledger_Sync\": write it as in \"ledger-sync\""
    );
    assert_eq!(
        said(check_timing(&Timing { renew_deadline: ms(12_000), ..Timing::default() })),
        "renew_deadline must be less than lease_duration / 1.25, the point at which the holder stops hard, but \
         lease_duration is 15s, renew_deadline 12s, retry_period 2s: lower renew_deadline, or raise lease_duration"
    );
}

#[test]
#[should_panic = "lower renew_deadline, or raise lease_duration"]
fn a_deadline_past_the_default_lease_needs_the_lease_first() {
    let _ = LeaseSpec::new("a").renew_deadline(ms(20_000)).lease_duration(ms(30_000));
}

#[test]
#[should_panic = "lower retry_period"]
fn a_lease_shorter_than_its_retries_is_refused_whichever_comes_last() {
    let _ = LeaseSpec::new("a").retry_period(ms(8_000)).lease_duration(ms(5_000));
}
