//! Reads the value of an argument, according to the kind of its key.

use lease_grammar::names::Name;
use lease_grammar::{cron, duration, names};
use syn::parse::ParseStream;
use syn::{Error, LitStr, Path};

use super::name;
use super::quoted::quoted;
use super::{Timed, Value, constant, count, deadline, range, rate, word, zone};
use crate::keys::{Key, Kind};
use crate::written::Written;

/// Reads the value of `key`.
pub(crate) fn read(key: &'static Key, input: ParseStream<'_>) -> syn::Result<Value> {
    match key.kind {
        Kind::LeaseName => name::read(Name::LEASE, key, input).map(Value::Name),
        Kind::Namespace => name::read(Name::NAMESPACE, key, input).map(Value::Name),
        Kind::Service => name::read(Name::SERVICE, key, input).map(Value::Name),
        Kind::TaskName => task_name(key, &Written::take(input)),
        Kind::Duration => quoted(key, "a duration", &Written::take(input), duration::parse)
            .map(|(duration, span)| Value::Duration(Timed { duration, span })),
        Kind::Range => quoted(key, "a range of pauses", &Written::take(input), range::parse)
            .map(|((from, to), span)| Value::Range { from, to, span }),
        Kind::Rate => quoted(key, "a limit of restarts", &Written::take(input), rate::parse)
            .map(|((count, within), span)| Value::Rate { count, within, span }),
        Kind::Cron => {
            let check = |text: &str| cron::parse(text).map_err(|error| error.to_string());
            constant::checked(key, input, check).map(|(value, cron)| Value::Cron { value, cron })
        }
        Kind::TimeZone => constant::checked(key, input, zone::check).map(|(value, _)| Value::TimeZone(value)),
        Kind::Flag => flag(key, &Written::take(input)),
        Kind::Count(from, to) => count::read(key, from, to, &Written::take(input)),
        Kind::Deadline => deadline::read(key, &Written::take(input)),
        Kind::Word(words) => word::read(key, &words, &Written::take(input)),
        Kind::Path => path(input),
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

/// The mistake that a key without a value was given one.
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
