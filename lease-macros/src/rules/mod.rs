//! The rules between arguments, and between arguments and the function's parameters.

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

/// Finds the mistakes that involve several arguments or parameters, and removes the wrong arguments.
pub(crate) fn check(args: &mut Args, item: &AnnotatedItem) {
    schedule::check(args, item);
    without_effect(args);
    timing::check(args);
    periods::check(args);
    check_constants(args, item);
    for key in ["lease", "namespace", "leader_service"] {
        let Some(Value::Name(name)) = args.get(key).map(|argument| &argument.value) else { continue };
        if let Err(says) = check_name(key, name, item) {
            let mistake = Error::new(name.span(), says);
            args.mistakes.add(mistake);
            args.remove(key);
        }
    }
}

/// Keys about restarts, which have no effect if a body is never restarted.
fn without_effect(args: &mut Args) {
    let Some(Value::Word { word: "never", .. }) = args.get("restart").map(|argument| &argument.value) else { return };
    for key in ["backoff", "max_restarts", "on_exhausted"] {
        if let Some(argument) = args.get(key) {
            let says =
                format!("`{key}` has no effect with `restart = never`, which runs the body once: remove one of them");
            let mistake = Error::new(argument.ident.span(), says);
            args.mistakes.add(mistake);
            args.remove(key);
        }
    }
}

/// Sentences for the documentation of the function, about effects of the arguments that may be unexpected.
pub(crate) fn notes(args: &Args) -> impl Iterator<Item = String> {
    timing::grace_on_loss(args).into_iter().chain(periods::longer_than_the_period(args))
}

/// Refuses arguments of the function as values of keys that need a constant. Only names can contain arguments.
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

/// Checks that the argument or constant in the braces exists.
fn check_hole(key: &str, hole: &Hole, item: &AnnotatedItem) -> Result<(), String> {
    let root = &hole.root;
    if root == "self" {
        return match item.sig.receiver() {
            Some(_) => Ok(()),
            None => Err("this function has no `self`: use an argument".to_owned()),
        };
    }
    let mut names = Vec::new();
    for param in item.params() {
        match param {
            Param::Term(param) if binds(&param.pat, root) => {
                return Err(format!(
                    "the name of the {key} is needed before a term begins: use another argument than `{root}`"
                ));
            }
            Param::Tick(param) if binds(&param.pat, root) => {
                return Err(format!(
                    "the name of the {key} is needed before a tick is due: use another argument than `{root}`"
                ));
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
    let unknown = format!("there is no argument `{root}`");
    Err(match suggest::closest(root, names.iter().map(|name| (name.as_str(), name))) {
        Some(meant) => format!("{unknown}: did you mean `{meant}`?"),
        None if names.is_empty() => format!("{unknown}: add it to the function"),
        None => {
            let verb = if names.len() == 1 { "is" } else { "are" };
            format!("{unknown}: there {verb} {}", suggest::list(names.iter().map(String::as_str), "and"))
        }
    })
}

/// Whether the pattern binds this name.
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

/// Checks the function's name, which is the name of the task unless the key `name` is set.
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

/// Reports a missing lease.
pub(crate) fn require_lease(args: &mut Args, ident: &Ident) {
    if args.attempted("lease").is_some() {
        return;
    }
    let example = ident.unraw().to_string().to_lowercase().replace('_', "-");
    let example = example.trim_matches('-');
    let says = match args.get("name").map(|argument| &argument.value) {
        Some(Value::TaskName(name)) => {
            let form = keys::key("lease").map(|key| key.form(&format!("{:?}", name.value())));
            format!("`name` is the name of the task: also name the lease, as in `{}`", form.unwrap_or_default())
        }
        _ => format!("a leader task needs a lease: name it, as in `#[leader_only(lease = {example:?})]`"),
    };
    args.mistakes.add(Error::new(proc_macro2::Span::call_site(), says));
}
