//! Async functions that lints complain about. `table.rs` beside this file compiles them as plain functions, and again with the
//! feature `annotated` as tasks, and compares which lints fire at which line.
#![warn(
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::get_unwrap,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    clippy::missing_inline_in_public_items,
    clippy::shadow_same,
    clippy::unwrap_used,
    let_underscore_drop,
    missing_docs,
    unused_qualifications,
    unused_results
)]

/// Something that must be used.
pub fn fallible() -> Result<(), String> {
    Err("always".to_owned())
}

/// No longer wanted.
#[deprecated]
pub const fn old() {}

/// A resource.
#[derive(Clone, Debug)]
pub struct Db;

// A task that is never added, and a function that only this task calls.

#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
async fn never_used() {
    only_from_never_used();
}

fn only_from_never_used() {}

#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub(crate) async fn never_used_in_the_crate(_db: Db) -> Result<(), String> {
    Ok(())
}

#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
async fn never_used_generic<T>(_value: T)
where
    T: Clone + Send + 'static,
{
}

#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
async fn never_used_forever() -> ! {
    std::future::pending().await
}

impl Db {
    #[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
    async fn method_never_used(self) {
        Self::only_from_method_never_used();
    }

    #[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
    async fn arc_method_never_used(self: std::sync::Arc<Self>) {
        drop(self);
    }

    #[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
    async fn associated_never_used(number: u8) -> Result<(), String> {
        drop((Self::only_from_method_never_used, number));
        Ok(())
    }

    #[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
    async fn associated_without_self_never_used(number: u8) -> Result<(), String> {
        drop(number);
        Ok(())
    }

    fn only_from_method_never_used() {}
}

// Warnings inside of a body.

/// Unused in several ways.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn unused(parameter: u8) {
    let local = 7;
    let mut mutable = fallible();
    fallible();
    drop(mutable);
    old();
    return;
    std::future::ready(()).await;
}

/// Needless mut on a parameter.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn mutable(mut parameter: u8) {
    drop(parameter);
}

/// Assignments.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn assigned() {
    let mut value = 1;
    value = 2;
    let shadowed = value;
    value = 3;
    let nested = (shadowed);
    drop(nested);
    let _ = async_helper();
    async_helper();
    loop {
        break;
    }
    while true {}
}

async fn async_helper() {}

/// Awaits nothing.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn awaits_nothing() -> Result<(), String> {
    Ok(())
}

#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn undocumented() {
    std::future::ready(()).await;
}

/// Upper case names.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn UpperCase(UpperParam: u8) {
    let UpperLocal = UpperParam;
    std::future::ready(UpperLocal).await;
}

/// Many parameters.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) {
    std::future::ready((a, b, c, d, e, f, g, h)).await;
}

/// By value.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn by_value(text: String, list: Vec<u8>) {
    std::future::ready(text.len() + list.len()).await;
}

mod private {
    #[derive(Clone, Debug)]
    pub(crate) struct Private;
}

/// Takes and returns something private.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn leaks(value: private::Private) -> Result<private::Private, String> {
    std::future::ready(Ok(value)).await
}

/// Bounded twice.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn bounded<T: Clone>(value: T)
where
    T: Send + 'static,
{
    std::future::ready(drop(value)).await;
}

/// Has a type parameter that nothing uses.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn unused_type<T: Send + 'static>() {
    std::future::ready(()).await;
}

/// Is complicated.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn complicated(
    value: std::sync::Arc<Vec<Box<(u8, Option<Result<Vec<Box<dyn Fn(u8) -> Option<u8> + Send + Sync>>, String>>)>>>,
) {
    std::future::ready(drop(value)).await;
}

/// Panics in several ways.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn panics(list: Vec<u8>) -> Result<u8, String> {
    std::future::ready(()).await;
    let first = list[0];
    let second = list.get(1).unwrap();
    let third = list.get(2).expect("a third");
    println!("{}", first + second);
    todo!("{third}")
}

/// Uses a deprecated type.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn takes_old(old: Old) -> Result<Old, String> {
    std::future::ready(Ok(old)).await
}

/// Old.
#[deprecated]
#[derive(Clone, Debug)]
pub struct Old;

/// Static lifetime, qualifications, unit return.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn unit(value: std::option::Option<&'static String>, boxed: Box<Vec<u8>>) -> () {
    std::future::ready(value).await;
    return std::mem::drop(boxed);
}

/// An option of an option, and bools.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn bools(a: bool, b: bool, c: bool, d: bool, e: Option<Option<u8>>) {
    std::future::ready((a, b, c, d, e)).await;
}

/// Clones a copy, compares it with itself, and casts.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn casts(number: u64) -> Result<u8, ()> {
    std::future::ready(()).await;
    let same = number.clone();
    if same == same {
        return Ok(same as u8);
    }
    Ok(number as u8)
}

/// A large array on the stack.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn large(_: u8) {
    let array = [0_u8; 20_000];
    std::future::ready(()).await;
    drop(array);
}

/// Takes an unused pattern.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn pattern((left, right): (u8, u8)) {
    std::future::ready(left).await;
}

/// Names with underscores that are used.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn underscored(_used: u8) {
    std::future::ready(_used).await;
}

/// Short names, shadowed.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn single_letters(a: u8, b: u16) {
    let a = a + 1;
    let b = b;
    std::future::ready((a, b)).await;
}

/// An `Arc` of something that is not `Sync`.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn rc() {
    let value = std::sync::Arc::new(std::cell::Cell::new(7));
    drop(value);
    std::future::ready(()).await;
}
/// Always inlined.
#[inline(always)]
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
pub async fn inlined() {
    std::future::ready(()).await;
}

/// Must be used, without a message.
#[cfg_attr(feature = "annotated", lease_runtime::leader_only(lease = "table"))]
#[must_use]
pub async fn must_be_used() {
    std::future::ready(()).await;
}

/// Callers.
pub fn calls() {
    undocumented();
    let _ = undocumented();
    let _ = must_be_used();
    must_be_used();
    UpperCase(1);
}
