//! What the arguments say about each other, and about the function's parameters.

mod periods;
mod schedule;

use syn::ext::IdentExt as _;
use syn::{Error, Expr, Ident, Pat};

pub(crate) use self::schedule::{check_output, trigger};
use crate::args::Args;
use crate::item::{AnnotatedItem, Param};
use crate::keys;
use crate::timing;
use crate::value::{Hole, Named, Value};
use lease_grammar::suggest;

/// Finds the mistakes that no argument has by itself, and leaves out what is wrong.
pub(crate) fn check(args: &mut Args, item: &AnnotatedItem) {
    schedule::check(args, item);
    without_effect(args);
    timing::check(args);
    periods::check(args);
    check_constants(args, item);
    for key in ["lease", "namespace"] {
        let Some(Value::Name(name)) = args.get(key).map(|argument| &argument.value) else { continue };
        if let Err(says) = check_name(key, name, item) {
            let mistake = Error::new(name.span(), says);
            args.mistakes.add(mistake);
            args.remove(key);
        }
    }
}

/// What concerns the second run and those after it, where there is none.
fn without_effect(args: &mut Args) {
    let Some(Value::Word { word: "never", .. }) = args.get("restart").map(|argument| &argument.value) else { return };
    for key in ["backoff", "max_restarts", "on_exhausted"] {
        if let Some(argument) = args.get(key) {
            let says =
                format!("`{key}` concerns a body that runs again, and `restart = never` runs it once: remove one");
            let mistake = Error::new(argument.ident.span(), says);
            args.mistakes.add(mistake);
            args.remove(key);
        }
    }
}

/// What the arguments mean together, where that may come as a surprise: whole sentences.
pub(crate) fn notes(args: &Args) -> impl Iterator<Item = String> {
    timing::grace_on_loss(args).into_iter().chain(periods::longer_than_the_period(args))
}

/// An argument of the function is no constant. A name can be made from one; the rest can be set on the task.
fn check_constants(args: &mut Args, item: &AnnotatedItem) {
    for key in ["cron", "time_zone"] {
        let Some(argument) = args.get(key) else { continue };
        let (Value::Cron { value: Expr::Path(path), .. } | Value::TimeZone(Expr::Path(path))) = &argument.value else {
            continue;
        };
        let Some(name) = path.path.get_ident().filter(|name| item.argument(name).is_some()) else { continue };
        let says = format!(
            "`{0}` is an argument, not a constant: write `{1}`, and set the argument on the task, as in \
             `{2}(..).{key}(..)`",
            name.unraw(),
            argument.key.example(),
            item.sig.ident.unraw()
        );
        let mistake = Error::new(name.span(), says);
        args.mistakes.add(mistake);
        args.remove(key);
    }
}

fn check_name(key: &str, name: &Named, item: &AnnotatedItem) -> Result<(), String> {
    match name {
        Named::Constant(Expr::Path(path)) => match path.path.get_ident() {
            Some(name) if item.argument(name).is_some() => {
                let name = name.unraw();
                Err(format!("`{name}` is an argument, not a constant: write `{key} = \"{{{name}}}\"`"))
            }
            _ => Ok(()),
        },
        Named::Constant(_) => Ok(()),
        Named::Pattern(pattern) => pattern.parts.iter().try_for_each(|(_, hole)| check_hole(key, hole, item)),
    }
}

/// Whether there is what stands between the braces.
fn check_hole(key: &str, hole: &Hole, item: &AnnotatedItem) -> Result<(), String> {
    let root = &hole.root;
    if root == "self" {
        return match item.sig.receiver() {
            Some(_) => Ok(()),
            None => Err("there is no `self` here: use an argument".to_owned()),
        };
    }
    let mut names = Vec::new();
    for param in item.params() {
        match param {
            Param::Term(param) if binds(&param.pat, root) => {
                return Err(format!("the {key} is named before there is a term: use another argument than `{root}`"));
            }
            Param::Tick(param) if binds(&param.pat, root) => {
                return Err(format!("the {key} is named before there is a tick: use another argument than `{root}`"));
            }
            Param::Argument(param) => match &*param.pat {
                Pat::Ident(pat) if pat.ident.unraw() == *root => return Ok(()),
                Pat::Ident(pat) => names.push(pat.ident.unraw().to_string()),
                pat if binds(pat, root) => {
                    let says = "is part of a pattern: give the argument a name, and take it apart in the body";
                    return Err(format!("`{root}` {says}"));
                }
                _ => {}
            },
            _ => {}
        }
    }
    if hole.is_constant() {
        return Ok(());
    }
    let there_is_none = format!("there is no argument `{root}`");
    Err(match suggest::closest(root, names.iter().map(|name| (name.as_str(), name))) {
        Some(meant) => format!("{there_is_none}: did you mean `{meant}`?"),
        None if names.is_empty() => format!("{there_is_none}: add it to the function"),
        None => {
            let verb = if names.len() == 1 { "is" } else { "are" };
            format!("{there_is_none}: there {verb} {}", suggest::list(names.iter().map(String::as_str), "and"))
        }
    })
}

/// Whether the pattern has this name in it.
fn binds(pat: &Pat, name: &str) -> bool {
    let binds = |pat: &Pat| binds(pat, name);
    match pat {
        Pat::Ident(pat) => pat.ident.unraw() == *name || pat.subpat.as_ref().is_some_and(|(_, pat)| binds(pat)),
        Pat::Tuple(pat) => pat.elems.iter().any(binds),
        Pat::TupleStruct(pat) => pat.elems.iter().any(binds),
        Pat::Slice(pat) => pat.elems.iter().any(binds),
        Pat::Struct(pat) => pat.fields.iter().any(|field| binds(&field.pat)),
        Pat::Reference(pat) => binds(&pat.pat),
        Pat::Paren(pat) => binds(&pat.pat),
        _ => false,
    }
}

/// The name under which the task is logged and observed: the key's, or else the function's.
pub(crate) fn check_task_name(args: &mut Args, ident: &Ident) {
    if args.get("name").is_some() {
        return;
    }
    if let Some(rule) = lease_grammar::names::broken_by_task_name(&ident.unraw().to_string()) {
        let says =
            format_args!("a task's name {rule}, unlike this function's: add `name = \"..\"` to `#[leader_only]`");
        args.mistakes.add(Error::new(ident.span(), says));
    }
}

/// There is no task without a lease.
pub(crate) fn require_lease(args: &mut Args, ident: &Ident) {
    if args.attempted("lease").is_some() {
        return;
    }
    let example = ident.unraw().to_string().to_lowercase().replace('_', "-");
    let example = example.trim_matches('-');
    let says = match args.get("name").map(|argument| &argument.value) {
        Some(Value::TaskName(name)) => {
            let form = keys::key("lease").map(|key| key.form(&format!("{:?}", name.value())));
            format!("`name` is the task's: name the lease, too, as in `{}`", form.unwrap_or_default())
        }
        _ => format!("a leader task runs under a lease: name it, as in `#[leader_only(lease = {example:?})]`"),
    };
    args.mistakes.add(Error::new(proc_macro2::Span::call_site(), says));
}
