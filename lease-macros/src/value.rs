//! Values of the keys: which kinds there are, and how each is read.

mod constant;
mod count;
mod deadline;
mod name;
mod range;
mod rate;
mod word;
pub(crate) mod zone;
pub(crate) mod zones;

use lease_grammar::value::{Remedy, Wrong};
use lease_grammar::{cron, duration, names};
use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Error, Expr, LitStr, Path};

pub(crate) use lease_grammar::cron::Cron;
pub(crate) use lease_grammar::duration::Duration;
pub(crate) use lease_grammar::names::Name;
pub(crate) use name::{Hole, Named, Pattern};
pub(crate) use word::Words;

use crate::keys::Key;
use crate::written::Written;

/// The kinds of values.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A name in Kubernetes: a string, a constant, or a string with arguments in braces.
    Name(Name),
    /// The name of a task.
    TaskName,
    /// A duration that is not zero.
    Duration,
    /// Two durations, the shorter one first.
    Range,
    /// How often within a duration.
    Rate,
    /// A cron expression: a string or a constant.
    Cron,
    /// The name of a time zone: likewise.
    TimeZone,
    /// None: the key says it all.
    Flag,
    /// A number in these bounds.
    Count(u32, u32),
    /// A duration that is not zero, or `unlimited`.
    Deadline,
    /// One of these words.
    Word(Words),
    /// A path.
    Path,
}

/// A value that has been read.
pub(crate) enum Value {
    Name(Named),
    TaskName(LitStr),
    Duration(Timed),
    Range {
        from: Duration,
        to: Duration,
        span: Span,
    },
    Rate {
        count: u32,
        within: Duration,
        span: Span,
    },
    /// What it says is known if it is a string.
    Cron {
        value: Expr,
        cron: Option<Cron>,
    },
    TimeZone(Expr),
    Flag(Span),
    Count {
        count: u32,
        span: Span,
    },
    /// `with` the number in parentheses, of the word that takes one.
    Word {
        word: &'static str,
        with: Option<u32>,
        span: Span,
    },
    Path(Path),
}

/// A duration and the literal it was written as.
#[derive(Clone, Copy)]
pub(crate) struct Timed {
    pub(crate) duration: Duration,
    pub(crate) span: Span,
}

/// What to do about a wrong value of this key.
fn remedy_for(remedy: Remedy, key: &Key) -> String {
    match remedy {
        Remedy::Write(value) => format!("write `{}`", key.form(&format!("{value:?}"))),
        Remedy::WriteExample => format!("write `{}`", key.example()),
        Remedy::LeaveOut => format!("leave `{}` out, or write `{}`", key.name, key.example()),
        Remedy::Say(remedy) => remedy,
    }
}

/// Reads the value of `key`.
pub(crate) fn read(key: &'static Key, input: ParseStream<'_>) -> syn::Result<Value> {
    match key.kind {
        Kind::Name(kind) => name::read(kind, key, input).map(Value::Name),
        Kind::TaskName => task_name(key, &Written::take(input)),
        Kind::Duration => quoted(key, "a duration", &Written::take(input), duration::parse)
            .map(|(duration, span)| Value::Duration(Timed { duration, span })),
        Kind::Range => quoted(key, "a range of pauses", &Written::take(input), range::parse)
            .map(|((from, to), span)| Value::Range { from, to, span }),
        Kind::Rate => quoted(key, "a limit of restarts", &Written::take(input), rate::parse)
            .map(|((count, within), span)| Value::Rate { count, within, span }),
        Kind::Cron => {
            let check = |text: &str| cron::parse(text).map_err(|error| error.to_string());
            constant::checked(key, input, check, |value, cron| Value::Cron { value, cron })
        }
        Kind::TimeZone => {
            let check =
                |text: &str| zone::check(text).map_err(|(what, remedy)| format!("{what}: {}", remedy_for(remedy, key)));
            constant::checked(key, input, check, |value, _| Value::TimeZone(value))
        }
        Kind::Flag => flag(key, &Written::take(input)),
        Kind::Count(from, to) => count::read(key, from, to, &Written::take(input)),
        Kind::Deadline => deadline::read(key, &Written::take(input)),
        Kind::Word(words) => word::read(key, &words, &Written::take(input)),
        Kind::Path => path(input),
    }
}

/// Reads a text that stands in quotes.
fn quoted<T>(
    key: &Key,
    noun: &str,
    written: &Written<'_>,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> syn::Result<(T, Span)> {
    let text = written.text();
    match parse(&text) {
        Ok(value) if written.literal().is_some() => Ok((value, written.span())),
        Ok(_) => {
            let remedy = remedy_for(Remedy::Write(text), key);
            Err(written.wrong(format_args!("{noun} is a string: {remedy}")))
        }
        Err(_) if key.of == key.name && cron::parse(&text).is_ok() => {
            let name = key.name;
            Err(written.wrong(format_args!("this is a cron expression: write `cron = {text:?}` instead of `{name}`")))
        }
        Err(Wrong { what, remedy }) => Err(written.wrong(format_args!("{what}: {}", remedy_for(remedy, key)))),
    }
}

fn task_name(key: &Key, written: &Written<'_>) -> syn::Result<Value> {
    let Some(name) = written.literal() else {
        return Err(written.wrong(format_args!("`name` takes a string literal: write `{}`", key.example())));
    };
    match names::broken_by_task_name(&name.value()) {
        None => Ok(Value::TaskName(name)),
        Some(rule) => {
            Err(Error::new(name.span(), format_args!("a task's name {rule}: write it as in {}", key.example)))
        }
    }
}

/// Says that a key stands alone which was given this value.
fn flag(key: &Key, written: &Written<'_>) -> syn::Result<Value> {
    let name = key.name;
    let remedy = match written.text().as_str() {
        "false" => format!("leave `{name}` out"),
        _ => format!("write `{name}` alone"),
    };
    Err(written.wrong(format_args!("`{name}` takes no value: {remedy}")))
}

fn path(input: ParseStream<'_>) -> syn::Result<Value> {
    if input.peek(LitStr) {
        let written = Written::take(input);
        let path = written.text();
        return Err(written.wrong(format_args!("`crate` takes a path: write `crate = {path}`, without quotes")));
    }
    input.call(Path::parse_mod_style).map(Value::Path)
}
