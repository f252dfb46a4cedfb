//! Arguments that a careless expansion would clone in the wrong way.

use std::sync::Arc;

use lease_runtime::{Term, leader_only};

/// Cloning the argument uses a name with an underscore, but lints must not report code that the user has not written.
#[leader_only(lease = "underscored")]
pub(crate) async fn underscored(_unused: u8, _term: Term) {}

/// It is `Clone`, but the expansion must clone the reference to it.
#[derive(Clone)]
pub(crate) struct Config;

#[leader_only(lease = "references")]
pub(crate) async fn references(config: &'static Config, text: &'static str, list: &'static [Config]) {
    let _: (&'static Config, &'static str, &'static [Config]) = (config, text, list);
}

pub(crate) struct NotClone;

#[leader_only(lease = "shared")]
pub(crate) async fn shared(
    this: Arc<NotClone>,
    that: &'static NotClone,
    call: Arc<dyn Fn(&str) -> &str + Send + Sync>,
) {
    let _: &NotClone = (&*this, that).0;
    let _ = call("a");
}

#[leader_only(lease = "functions")]
pub(crate) async fn functions(
    plain: fn(&str) -> &str,
    higher: for<'a> fn(&'a str) -> &'a str,
    generic: impl for<'a> Fn(&'a u8) -> &'a u8 + Clone + Send + 'static,
) {
    let _ = (plain("a"), higher("b"), *generic(&7));
}

pub(crate) struct Pair(pub(crate) u8, pub(crate) u8);

impl Clone for Pair {
    fn clone(&self) -> Pair {
        Pair(self.0, self.1)
    }
}

#[leader_only(lease = "patterns")]
#[expect(clippy::toplevel_ref_arg)]
pub(crate) async fn patterns(
    Pair(left, mut right): Pair,
    [first, ..]: [u8; 2],
    _: u8,
    ref by_reference: u8,
    all @ (_, _): (u8, u8),
    mut mutable: Vec<u8>,
) {
    right += left + first + by_reference + all.0;
    mutable.push(right);
}
