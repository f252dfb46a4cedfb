//! The attribute's keys: which there are, and which was meant.

/// Each key, how it is written, and what other systems call the same thing.
const KEYS: [(&str, &str, &[&str]); 9] = [
    (
        "lease",
        "lease = \"ledger\"",
        &[
            "lock",
            "lockname",
            "leasename",
            "leaselock",
            "leaselockname",
            "election",
            "electionid",
            "electionname",
            "leaderelectionid",
            "leaderelection",
            "resource",
            "resourcename",
            "resourcelock",
            "id",
            "key",
            "group",
            "mutex",
        ],
    ),
    ("namespace", "namespace = \"payments\"", &["ns", "leasenamespace", "locknamespace", "leaderelectionnamespace"]),
    ("name", "name = \"nightly-report\"", &["task", "taskname", "label", "title", "job", "jobname"]),
    (
        "lease_duration",
        "lease_duration = \"15s\"",
        &[
            "ttl",
            "leasettl",
            "leasetime",
            "leasetimeout",
            "leasedurationseconds",
            "duration",
            "locktimeout",
            "lockduration",
            "lockatmostfor",
            "expiry",
            "expires",
            "expiration",
            "sessiontimeout",
            "timeout",
        ],
    ),
    (
        "renew_deadline",
        "renew_deadline = \"10s\"",
        &[
            "deadline",
            "renewtimeout",
            "renewtime",
            "renewinterval",
            "renewperiod",
            "renew",
            "renewal",
            "heartbeat",
            "keepalive",
        ],
    ),
    (
        "retry_period",
        "retry_period = \"2s\"",
        &["retry", "retryinterval", "retrydelay", "interval", "period", "pollinterval"],
    ),
    (
        "grace",
        "grace = \"30s\"",
        &[
            "graceful",
            "graceperiod",
            "gracefulshutdown",
            "gracetime",
            "graceseconds",
            "shutdowntimeout",
            "draintimeout",
            "drain",
            "stoptimeout",
            "terminationgraceperiod",
            "terminationgraceperiodseconds",
        ],
    ),
    (
        "on_overrun",
        "on_overrun = report",
        &["overrun", "overrunpolicy", "onstuck", "onhang", "onblock", "panic", "abort"],
    ),
    ("crate", "crate = my_runtime", &["krate", "cratepath", "runtime", "path"]),
];

pub(crate) fn is_known(key: &str) -> bool {
    KEYS.iter().any(|(known, ..)| *known == key)
}

/// How `key` is written, with a value that fits.
pub(crate) fn form(key: &str) -> &'static str {
    KEYS.iter().find(|(known, ..)| *known == key).map_or("lease = \"ledger\"", |(_, form, _)| form)
}

/// What to say to a key that there is not, and which one was meant.
pub(crate) fn unknown(key: &str) -> (String, Option<&'static str>) {
    let plain = plain(key);
    if matches!(plain.as_str(), "identity" | "holder" | "holderidentity" | "candidate" | "hostname") {
        return (format!("there is no key `{key}`: the identity is the candidate's, not the task's"), None);
    }
    if matches!(plain.as_str(), "releaseoncancel" | "release" | "autorelease") {
        return (format!("there is no key `{key}`: the lease is always released when its work has ended"), None);
    }
    let by_meaning = || KEYS.iter().find(|(_, _, others)| others.contains(&plain.as_str()));
    let by_spelling = || {
        KEYS.iter()
            .map(|row| (distance(&plain, &self::plain(row.0)), row))
            .filter(|(distance, row)| *distance <= row.0.len() / 3)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, row)| row)
    };
    match by_meaning().or_else(by_spelling) {
        Some((meant, form, _)) => {
            (format!("there is no key `{key}`: did you mean `{meant}`, as in `{form}`?"), Some(meant))
        }
        None => {
            let known: Vec<_> = KEYS.iter().map(|(known, ..)| format!("`{known}`")).collect();
            (format!("there is no key `{key}`: there are {}", known.join(", ")), None)
        }
    }
}

/// `leaseDuration`, `lease-duration` and `LEASE_DURATION` are one.
fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many letters to insert, remove, replace or swap with their neighbour to get from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// A task's name becomes part of an annotation's name on the Lease, and so has to be one. What is wrong is half a sentence.
pub(crate) fn check_task_name(name: &str) -> Result<(), &'static str> {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() {
        Err("a task's name must not be empty")
    } else if name.len() > 63 {
        Err("a task's name must have at most 63 characters")
    } else if !name.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.')) {
        Err("a task's name must consist of ASCII letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(is_alphanumeric) || !name.ends_with(is_alphanumeric) {
        Err("a task's name must start and end with a letter or digit")
    } else {
        Ok(())
    }
}
