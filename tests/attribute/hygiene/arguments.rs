//! Arguments that are easy to clone wrongly.

use std::sync::Arc;

use lease_runtime::{Term, leader_only};

/// To clone it is to use it, but nobody wrote that.
#[leader_only(lease = "underscored")]
pub(crate) async fn underscored(_unused: u8, _term: Term) {}

/// `Clone`, but it is the reference to it that has to be cloned.
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
