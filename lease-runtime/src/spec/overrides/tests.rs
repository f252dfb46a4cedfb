use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Overrides, OverrideError> {
    Overrides::read(|name| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into()))
}

#[test]
fn variables_are_read() {
    let all = read(&[
        ("LEASE_PREFIX", " blue\n"),
        ("LEASE_NAMESPACE", "jobs"),
        ("LEASE_DURATION", "1m"),
        ("LEASE_RENEW_DEADLINE", "30s"),
        ("LEASE_RETRY_PERIOD", "1500ms"),
        ("LEASE_TAKEOVER_DELAY", "5s"),
        ("LEASE_ELECTION", "off"),
        ("LEASE_EVENTS", "off"),
        ("LEASE_STATE_DIR", " /run/lease-runtime "),
        ("LEASE_DEATH_REPORTS", "pods"),
        ("LEASE_LABELS", "team=billing, example.com/tier=3,empty="),
    ])
    .unwrap();
    assert_eq!((all.lease_prefix(), all.own_namespace()), (Some("blue"), Some("jobs")));
    assert_eq!(all.timings(), [60_000, 30_000, 1_500].map(|millis| Some(Duration::from_millis(millis))));
    assert_eq!(all.own_takeover_delay(), Some(Duration::from_secs(5)));
    assert!(!all.elects());
    assert_eq!(all.writes_events(), Some(false));
    assert_eq!(all.own_state_dir(), Some(Path::new("/run/lease-runtime")));
    let labels: Vec<_> = all.lease_labels().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(labels, ["empty=", "example.com/tier=3", "team=billing"]);
    assert!(read(&[("LEASE_ELECTION", "on")]).unwrap().elects());
    assert_eq!(all.reads_death_reports(), Some(true));
    assert_eq!(read(&[("LEASE_DEATH_REPORTS", "off")]).unwrap().reads_death_reports(), Some(false));
    let error = read(&[("LEASE_DEATH_REPORTS", "on")]).unwrap_err().to_string();
    assert_eq!(error, "`LEASE_DEATH_REPORTS` is `on`: it is one of two words: write `pods` or `off`");
    assert_eq!(read(&[("LEASE_EVENTS", "on")]).unwrap().writes_events(), Some(true));
}

#[test]
fn a_takeover_delay_has_an_end() {
    let delay = |value| read(&[("LEASE_TAKEOVER_DELAY", value)]);
    delay("1h").unwrap();
    let error = delay("61m").unwrap_err().to_string();
    let rule = "takeover_delay must be at most an hour: 5s is usual, or leave it out";
    assert_eq!(error, format!("`LEASE_TAKEOVER_DELAY` is `3660s`: {rule}"));
}

#[test]
fn an_empty_or_blank_variable_is_not_set() {
    for value in ["", " ", "\t\n"] {
        let names = [
            "PREFIX",
            "NAMESPACE",
            "DURATION",
            "RENEW_DEADLINE",
            "RETRY_PERIOD",
            "TAKEOVER_DELAY",
            "ELECTION",
            "EVENTS",
            "STATE_DIR",
            "DEATH_REPORTS",
            "LABELS",
        ];
        let overrides = Overrides::read(|name| {
            assert!(names.iter().any(|known| name == format!("LEASE_{known}")), "{name}");
            Some(value.into())
        });
        let overrides = overrides.unwrap();
        assert_eq!((overrides.lease_prefix(), overrides.own_namespace(), overrides.timings()), (None, None, [None; 3]));
        assert!(overrides.elects() && overrides.lease_labels().next().is_none());
        assert_eq!((overrides.writes_events(), overrides.own_state_dir()), (None, None));
        assert_eq!((overrides.own_takeover_delay(), overrides.reads_death_reports()), (None, None));
    }
}

/// Each error names the variable, the value, what is wrong, and the remedy.
#[test]
fn a_bad_value_of_a_variable_is_an_error_that_names_it() {
    let (long, longer) = ("a".repeat(254), "a".repeat(64));
    for (variable, value, rule, remedy) in [
        ("LEASE_PREFIX", "Blue", "a lease's name must consist of", "write it as in `blue`"),
        ("LEASE_PREFIX", "blue-", "a lease's name must consist of", "write it as in `blue`"),
        ("LEASE_PREFIX", "a/b", "a lease's name must consist of", "write it as in `blue`"),
        ("LEASE_PREFIX", &long, "at most 253 characters", "shorten it"),
        ("LEASE_NAMESPACE", "a.b", "a namespace must consist of", "kubectl get namespaces"),
        ("LEASE_NAMESPACE", &longer, "at most 63 characters", "kubectl get namespaces"),
        ("LEASE_DURATION", "15", "a duration needs a unit", "write `15s`"),
        ("LEASE_DURATION", "1m 30s", "one number and one unit", "write `90s`"),
        ("LEASE_DURATION", "0s", "longer than zero", "do not set it, or write it as in `15s`"),
        ("LEASE_DURATION", "1500ms", "must be in whole seconds", "round it up"),
        ("LEASE_DURATION", "2147483648s", "at most 2147483647 seconds", "15s is usual"),
        ("LEASE_DURATION", "99999999999999999999s", "longer than can be counted", "write it as in `15s`"),
        ("LEASE_RENEW_DEADLINE", "ten", "a whole number and one of", "write it as in `15s`"),
        ("LEASE_RETRY_PERIOD", "0.5s", "a whole number and one of", "write `500ms`"),
        ("LEASE_RETRY_PERIOD", "0ms", "longer than zero", "do not set it"),
        ("LEASE_ELECTION", "OFF", "one of two words", "write `on` or `off`"),
        ("LEASE_ELECTION", "false", "one of two words", "write `on` or `off`"),
        ("LEASE_EVENTS", "no", "one of two words", "write `on` or `off`"),
        ("LEASE_LABELS", "team", "a key, a `=` and a value", "team=billing,tier=3"),
        ("LEASE_LABELS", "team=a,", "a key, a `=` and a value", "team=billing,tier=3"),
        ("LEASE_LABELS", "team=a,team=b", "once", "team=billing,tier=3"),
        ("LEASE_LABELS", "team=not this", "a label's value must consist of", "shorten it"),
        ("LEASE_LABELS", "-team=a", "a label's key must be a name", "write it as in"),
        ("LEASE_LABELS", "a/b/c=x", "a label's key must be a name", "write it as in"),
        ("LEASE_LABELS", &format!("team={longer}"), "at most 63 letters", "shorten it"),
    ] {
        let error = read(&[(variable, value)]).map(drop).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.setting, variable);
        assert!(text.starts_with(&format!("`{variable}` is `")) && text.contains(rule), "{text}");
        assert!(text.ends_with(&error.remedy) && text.contains(remedy), "{text}");
    }
}

#[test]
fn an_error_shows_a_value_escaped_and_cut() {
    let hostile = format!("\u{1b}[2J\n{}", "x".repeat(10_000));
    for variable in
        ["LEASE_PREFIX", "LEASE_NAMESPACE", "LEASE_RETRY_PERIOD", "LEASE_ELECTION", "LEASE_EVENTS", "LEASE_LABELS"]
    {
        let text = read(&[(variable, &format!("a{hostile}"))]).map(drop).unwrap_err().to_string();
        assert!(text.chars().count() < 700 && !text.contains(['\u{1b}', '\n']), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let error = Overrides::read(|name| (name == "LEASE_PREFIX").then(|| OsString::from_vec(vec![b'a', 0xff])));
    let text = error.map(drop).unwrap_err().to_string();
    assert!(text.starts_with("`LEASE_PREFIX` is `a\u{fffd}`: it is not Unicode"), "{text}");
}

#[test]
fn an_error_of_a_program_names_the_method() {
    let none = Overrides::default;
    for (overrides, method) in [
        (none().prefix(""), "Overrides::prefix"),
        (none().namespace("A"), "Overrides::namespace"),
        (none().lease_duration(Duration::ZERO), "Overrides::lease_duration"),
        (none().renew_deadline(Duration::ZERO), "Overrides::renew_deadline"),
        (none().retry_period(Duration::ZERO), "Overrides::retry_period"),
        (none().label("team", "a b"), "Overrides::label"),
    ] {
        let error = overrides.check().unwrap_err();
        assert_eq!(error.setting, method, "{error}");
    }
    // What the program sets replaces what the environment says, also in errors.
    let both = read(&[("LEASE_PREFIX", "blue")]).unwrap().prefix("Green");
    assert_eq!(both.check().unwrap_err().setting, "Overrides::prefix");
    assert_eq!(read(&[("LEASE_DURATION", "20s")]).unwrap().timings_in_words().unwrap(), "`LEASE_DURATION` = `20s`");
}
