//! Annotating a function hides no lint and adds no lint: clippy compiles `listed.rs` as plain functions and as tasks, and the
//! test compares the lints line by line.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;

/// A lint, and the line at which it fires.
type Fired = BTreeSet<(String, u64)>;

/// The lints that differ, and why.
const EXPLAINED: [(&str, &str); 9] = [
    ("clippy::missing_errors_doc", "a constructor does not fail: it returns a task"),
    ("clippy::missing_panics_doc", "a constructor does not panic: the body may, and the task restarts"),
    ("clippy::let_underscore_future", "a task is not a future until it is awaited"),
    ("clippy::double_must_use", "a task has to be used anyway, so `#[must_use]` adds nothing"),
    ("clippy::missing_inline_in_public_items", "`#[inline]` goes to the body"),
    // Clippy ignores the types of a public function, because a change would break its callers. The body is not public.
    ("clippy::box_collection", "the body is not public"),
    ("clippy::option_option", "the body is not public"),
    ("clippy::extra_unused_type_parameters", "the body is not public"),
    ("clippy::let_underscore_untyped", "a future has no type to write down, a task has"),
];

/// Lints that must fire in both.
const BOTH: [&str; 24] = [
    "clippy::clone_on_copy",
    "clippy::fn_params_excessive_bools",
    "clippy::indexing_slicing",
    "clippy::large_stack_arrays",
    "clippy::missing_docs_in_private_items",
    "clippy::multiple_bound_locations",
    "clippy::needless_return",
    "clippy::too_many_arguments",
    "clippy::type_complexity",
    "clippy::unused_async",
    "clippy::unwrap_used",
    "clippy::used_underscore_binding",
    "dead_code",
    "deprecated",
    "let_underscore_drop",
    "missing_docs",
    "non_snake_case",
    "private_interfaces",
    "unreachable_code",
    "unused_assignments",
    "unused_must_use",
    "unused_mut",
    "unused_qualifications",
    "unused_variables",
];

#[test]
fn an_annotated_function_gets_the_lints_of_a_plain_one() {
    let (Some(plain), Some(annotated)) = (lints("plain"), lints("annotated")) else {
        eprintln!("not covered: clippy is not installed");
        return;
    };
    let is_explained = |(lint, _): &&(String, u64)| EXPLAINED.iter().any(|(explained, _)| lint == explained);
    let lost: Vec<_> = plain.difference(&annotated).filter(|fired| !is_explained(fired)).collect();
    let added: Vec<_> = annotated.difference(&plain).filter(|fired| !is_explained(fired)).collect();
    assert!(lost.is_empty() && added.is_empty(), "lost by annotating: {lost:?}, added: {added:?}");
    let both: BTreeSet<_> = plain.intersection(&annotated).map(|(lint, _)| lint.as_str()).collect();
    let missing: Vec<_> = BOTH.iter().filter(|lint| !both.contains(*lint)).collect();
    assert!(missing.is_empty(), "expected to fire: {missing:?}");
}

/// The lints of `listed.rs` with this feature of the package; `None` without clippy.
fn lints(feature: &str) -> Option<Fired> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let clippy = || {
        let mut clippy = Command::new(&cargo);
        clippy.arg("clippy").current_dir(env!("CARGO_MANIFEST_DIR"));
        // What cargo tells this program about its own package. Some build scripts would run again because of it.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                clippy.env_remove(name);
            }
        }
        clippy
    };
    if !clippy().arg("--version").output().is_ok_and(|output| output.status.success()) {
        return None;
    }
    let output = clippy()
        // For the whole workspace, whose dependencies `cargo lint` has checked with the same features.
        .args(["--quiet", "--message-format=json", "--workspace", "--example=listed"])
        .arg(format!("--features=lease-attribute-tests/{feature}"))
        .output()
        .expect("clippy runs: it has printed its version");
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let messages = messages.filter(|line| line["target"]["name"] == "listed").map(|line| line["message"].clone());
    let fired: Fired = messages.flat_map(|message| places(&message)).collect();
    assert!(!fired.is_empty(), "clippy printed no lints: {}", String::from_utf8_lossy(&output.stderr));
    Some(fired)
}

/// The lint of a message at each place that it names.
fn places(message: &serde_json::Value) -> Fired {
    let Some(lint) = message["code"]["code"].as_str() else { return Fired::new() };
    let spans = message["spans"].as_array().into_iter().flatten();
    let spans = spans.filter(|span| span["is_primary"] == true);
    spans.filter_map(|span| Some((lint.to_owned(), span["line_start"].as_u64()?))).collect()
}
