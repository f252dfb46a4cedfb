//! The attribute's messages. The UI tests check where the compiler shows them, because they have source code.

use super::*;

/// The messages, one on each line.
pub(super) fn says(args: TokenStream, item: &str) -> String {
    let item = item.parse().expect("the function is Rust");
    let file: syn::File = syn::parse2(crate::expand::leader_only(args, item)).expect("the expansion parses");
    let said = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) if item.mac.path.segments.last()?.ident == "compile_error" => {
            Some(item.mac.parse_body::<syn::LitStr>().expect("one message").value())
        }
        _ => None,
    });
    said.map(|sentence| sentence + "\n").collect()
}

pub(super) const HELLO: &str = "async fn hello() {}";

#[test]
fn a_mistake_in_the_arguments_still_makes_a_task() {
    check(
        quote!(leese = "hello", grace = "30s"),
        quote!(
            async fn hello() {}
        ),
        expect![[r#"
            ::core::compile_error! {
                "there is no key `leese`: did you mean `lease`, as in `lease = \"ledger\"`?"
            }
            /// If the lease is lost, the body has 2s of its 30s of grace: `lease_duration / 1.25 - renew_deadline`.
            fn hello() -> ::lease_runtime::LeaderTask<()> {
                async fn hello() {}
                const __LEASE: ::lease_runtime::LeaseSpec = ::lease_runtime::LeaseSpec::new(
                    "missing",
                );
                ::lease_runtime::LeaderTask::new("hello", __LEASE, move |_| hello())
                    .grace(::core::time::Duration::from_secs(30))
            }
        "#]],
    );
}

#[test]
fn a_mistake_in_the_function_leaves_it_alone() {
    check(
        quote!(lease = "hello"),
        quote!(
            pub fn hello(db: &Db) {}
        ),
        expect![[r#"
            ::core::compile_error! {
                "a leader task has to stop when the lease is lost, and only async code can be stopped: write `async fn`"
            }
            ::core::compile_error! {
                "a leader task may outlive its caller, so it cannot borrow: take `Arc<Db>` instead"
            }
            pub fn hello(db: &Db) {}
        "#]],
    );
}

#[test]
fn a_const_function_is_left_to_the_compiler() {
    check(
        quote!(lease = "hello"),
        quote!(
            const async fn hello() {}
        ),
        expect![[r#"
            const async fn hello() {}
        "#]],
    );
}

#[test]
fn a_lease_is_required() {
    let said = [says(quote!(), "async fn Nightly_Report() {}"), says(quote!(name = "ledger"), HELLO)].concat();
    expect![[r#"
        a leader task needs a lease: name it, as in `#[leader_only(lease = "nightly-report")]`
        `name` is the name of the task: also name the lease, as in `lease = "ledger"`
    "#]]
    .assert_eq(&said);
}

#[test]
fn each_wrong_argument_is_said_at_once() {
    let said =
        says(quote!(lease, namespace = , grace = 5, on_overrun = "report", crate = "x", name = 7, lease = "b"), HELLO);
    expect![[r#"
        `lease` needs a value: write `lease = "ledger"`
        `namespace` needs a value: write `namespace = "payments"`
        a duration needs a unit: write `grace = "5s"`
        `on_overrun` is `abort` or `report`: write `on_overrun = report`, without quotes
        `crate` takes a path: write `crate = x`, without quotes
        `name` takes a string literal: write `name = "nightly-report"`
        `lease` is given twice: remove one
    "#]]
    .assert_eq(&said);
}

#[test]
fn an_argument_without_a_key() {
    let said = [
        says(quote!("ledger"), HELLO),
        says(quote!(lease("ledger")), HELLO),
        says(quote!(lease == "ledger"), HELLO),
        says(quote!(= 7, lease = "ledger"), HELLO),
    ];
    expect![[r#"
        an argument needs a key: write `lease = "ledger"`
        `lease` needs a value: write `lease = "ledger"`
        `lease` needs a value: write `lease = "ledger"`
        an argument needs a key: write `lease = "ledger"`
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn a_missing_comma_hides_nothing() {
    let said = [
        says(quote!(lease = "ledger" namespace = "a" leese = "c"), HELLO),
        says(quote!(lease = "ledger" grace "30s"), HELLO),
        says(quote!(grace = "30s" lease = "ledger"), HELLO),
    ];
    expect![[r#"
        a comma is missing: put a `,` before this argument
        a comma is missing: put a `,` before this argument
        there is no key `leese`: did you mean `lease`, as in `lease = "ledger"`?
        this is not part of an argument: remove it, or put a `,` before it
        a comma is missing: put a `,` before this argument
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn functions_that_cannot_be_tasks() {
    let functions = [
        "struct Ledger;",
        "impl Ledger {}",
        "pub mod ledger {}",
        "static X: u8 = 7;",
        "fn hello() {}",
        r#"pub unsafe extern "C" fn hello() {}"#,
        "async fn main() {}",
        r#"#[lease_runtime::leader_only(lease = "b")] async fn hello() {}"#,
        "async fn hello<'a>(a: Cow<'a, str>, b: Cow<'_, str>) {}",
        "async fn hello(a: &str, b: &'static str, c: &mut [u8], d: Option<&Db>, e: (&dyn Any,), f: &'static Vec<&Path>) {}",
        "async fn hello(a: fn(&str) -> &str, b: impl Fn(&u8), c: Box<dyn for<'a> Handler<&'a str>>, d: Box<dyn Any + '_>) {}",
        "async fn hello(a: impl Iterator<Item = &u8>) {}",
        "async fn hello(term: &Term) {}",
        "async fn hello(a: Term, b: lease_runtime::Term, c: Term<u8>, d: (Term)) {}",
    ];
    let said = functions.map(|item| says(quote!(lease = "a"), item));
    expect![[r#"
        `#[leader_only]` goes on an `async fn`, not on `struct ..`: put it on the function that does the work
        `#[leader_only]` goes on an `async fn`, not on `impl ..`: put it on the function that does the work
        `#[leader_only]` goes on an `async fn`, not on `mod ..`: put it on the function that does the work
        `#[leader_only]` goes on an `async fn`, not on `static ..`: put it on the function that does the work
        a leader task has to stop when the lease is lost, and only async code can be stopped: write `async fn`
        a leader task has to stop when the lease is lost, and only async code can be stopped: write `async fn`
        the runtime calls this function, and cannot meet the conditions of an `unsafe fn`: use `unsafe` blocks inside
        only the runtime calls this function, so an ABI has no effect: remove it
        `main` runs in every replica: move the work to another `async fn` and let a `Candidate` run it
        a task has one lease: remove one of the two `#[leader_only]`
        a leader task may outlive its caller, so it cannot borrow: take owned values and remove `'a`
        a leader task may outlive its caller, so it cannot borrow: take an owned value, or one that is `'static`
        a leader task may outlive its caller, so it cannot borrow: take `String` instead
        a leader task may outlive its caller, so it cannot borrow: take `Vec<u8>` instead
        a leader task may outlive its caller, so it cannot borrow: take `Arc<Db>` instead
        a leader task may outlive its caller, so it cannot borrow: take an owned value instead
        a leader task may outlive its caller, so it cannot borrow: take `PathBuf` instead
        a leader task may outlive its caller, so it cannot borrow: take an owned value, or one that is `'static`
        a leader task may outlive its caller, so it cannot borrow: take `Arc<u8>` instead
        a task owns its term: take the `Term` by value
        a task runs in one term at a time: remove the second `Term`
        a task runs in one term at a time: remove the second `Term`
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn a_receiver_that_borrows() {
    let methods = ["async fn hello(&self) {}", "async fn hello(self: &mut Self) {}", "async fn hello();"];
    let said = methods.map(|method| {
        let tokens = crate::expand::leader_only(quote!(lease = "a"), method.parse().expect("the method is Rust"));
        let file: syn::ImplItemMacro =
            syn::parse2(tokens.into_iter().take(8).collect()).expect("a message comes first");
        file.mac.parse_body::<syn::LitStr>().expect("one message").value() + "\n"
    });
    expect![[r#"
        a leader task may outlive its caller, so it cannot borrow: take `self: Arc<Self>`, or `self` if it is cheap to clone
        a leader task may outlive its caller, so it cannot borrow: take `self: Arc<Self>`, or `self` if it is cheap to clone
        a leader task needs a body: write it here, in braces
    "#]].assert_eq(&said.concat());
}
