//! The trigger of a task, and which other keys can be used with it.

use syn::{Error, ReturnType};

use crate::args::Args;
use crate::item::{AnnotatedItem, is_never};
use crate::keys::Key;
use crate::value::Value;
use lease_grammar::suggest;

const TRIGGERS: [&str; 4] = ["cron", "every", "delay", "once"];

/// The key that says when the task runs, also if its value is wrong. `None` for a continuous task.
pub(crate) fn trigger(args: &Args) -> Option<&'static str> {
    TRIGGERS.into_iter().find(|trigger| args.attempted(trigger).is_some())
}

pub(super) fn check(args: &mut Args, item: &AnnotatedItem) {
    let triggers: Vec<_> = TRIGGERS.into_iter().filter(|trigger| args.attempted(trigger).is_some()).collect();
    if let [first, others @ ..] = &triggers[..]
        && !others.is_empty()
    {
        for other in others {
            let says = format!("a task has one trigger: remove `{other}` or `{first}`, or write a function for each");
            wrong_key(args, other, &says);
        }
        return;
    }
    let trigger = trigger(args);
    if let (None, Some(tick)) = (trigger, item.tick()) {
        let says = "a continuous task has no ticks: add `cron`, `every`, `delay` or `once`, or remove the parameter; if the \
            task is for a group with a schedule, write it with `LeaderTask::scheduled`";
        args.mistakes.at(&tick.ty, says);
    } else {
        check_keys(args, trigger);
    }
    if let Some(trigger) = trigger {
        check_values(args, trigger, item);
    }
}

/// Reports keys that are for other kinds of tasks.
fn check_keys(args: &mut Args, trigger: Option<&'static str>) {
    let kind = trigger.unwrap_or("continuous");
    let odd: Vec<_> = args.all().map(|argument| argument.key).filter(|key| !suggest::is_among(kind, key.of)).collect();
    for key in odd {
        let says = match trigger {
            None => without_a_trigger(key),
            Some(trigger) if key.of == "continuous" => format!(
                "`{}` is for continuous tasks, and `{trigger}` makes this task a scheduled one: to try a failed tick \
                 again, write `retry = 3`",
                key.name
            ),
            Some(trigger) => {
                let kinds = suggest::list(key.of.split_whitespace(), "and");
                let why = why_not(key.name, trigger);
                format!("`{}` is for {kinds}, not for `{trigger}`{why}: remove it", key.name)
            }
        };
        wrong_key(args, key.name, &says);
    }
}

fn without_a_trigger(key: &Key) -> String {
    let kinds = suggest::list(key.of.split_whitespace(), "or");
    let name = key.name;
    match key.of.split_once(' ') {
        None => format!("`{name}` needs `{}`: add it, as in `{}`, or remove `{name}`", key.of, example(key.of)),
        Some(_) => {
            format!("`{name}` is for scheduled tasks, and this task is continuous: add {kinds}, or remove `{name}`")
        }
    }
}

fn example(key: &str) -> String {
    crate::keys::key(key).map(Key::example).unwrap_or_default()
}

/// Why a key cannot be used with a trigger, if the reason is not obvious.
fn why_not(key: &str, trigger: &str) -> &'static str {
    match (key, trigger) {
        ("time_zone", "every" | "delay") => ", because a period is the same in all time zones",
        ("offset", "cron") => ", which already contains the minute",
        ("offset", "delay") => ", which is counted from the end of the last run",
        ("overlap", "delay") => ", whose next run starts after the last one has ended",
        ("max_catch_up", "delay") => ", which has one tick at a time",
        (_, "once") => ", which has a single tick, due from the start",
        _ => "",
    }
}

/// Reports values that contradict those of other keys.
fn check_values(args: &mut Args, trigger: &str, item: &AnnotatedItem) {
    let catch_up = word(args, "catch_up");
    if catch_up.is_some_and(|(word, _)| word == "all") && trigger == "delay" {
        let says = "`delay` has one tick at a time, so there are never several to catch up: write `catch_up = latest`";
        wrong_value(args, "catch_up", says);
    }
    if catch_up.is_some_and(|(word, _)| word == "none") {
        wrong_key(
            args,
            "start_deadline",
            "with `catch_up = none`, a tick starts when it falls due or not at all: remove `start_deadline` or `catch_up`",
        );
    }
    let is_all = catch_up.map_or(args.attempted("catch_up").is_some(), |(word, _)| word == "all");
    if !is_all {
        wrong_key(args, "max_catch_up", "`max_catch_up` limits `catch_up = all`: add that, or remove `max_catch_up`");
    }
    if let (Some(("all", _)), Some((overlap @ ("skip" | "buffer_one" | "cancel_other"), _))) =
        (catch_up, word(args, "overlap"))
    {
        let says = format!(
            "with `catch_up = all`, every tick runs after the run before it has ended, and `overlap = {overlap}` would skip \
             some: remove one of the two keys, or write `overlap = allow_all(2)` to run two at the same time"
        );
        wrong_value(args, "overlap", &says);
    }
    let retries = match args.get("retry").map(|argument| &argument.value) {
        Some(Value::Count { count, .. }) => *count > 0,
        _ => args.attempted("retry").is_some(),
    };
    if !retries {
        let says = "`backoff` is the pause before a failed tick is tried again, and this task does not try ticks again: add \
            `retry = 3`, or remove `backoff`";
        wrong_key(args, "backoff", says);
    }
    if word(args, "delivery").is_some_and(|(word, _)| word == "at_least_once")
        && item.tick().is_none()
        && item.term().is_none()
    {
        let says = "with `at_least_once`, a tick may run more than once, and the body must be able to recognise this: add a \
            parameter `tick: Tick`, whose `nominal()` is the same each time, or `term: Term`";
        wrong_value(args, "delivery", says);
    }
}

/// The word that is the value of `key`.
pub(super) fn word(args: &Args, key: &str) -> Option<(&'static str, proc_macro2::Span)> {
    match args.get(key)?.value {
        Value::Word { word, span, .. } => Some((word, span)),
        _ => None,
    }
}

/// Reports a mistake at `key` and removes its argument, if there is one.
pub(super) fn wrong_key(args: &mut Args, key: &str, says: &str) {
    if let Some(argument) = args.get(key) {
        let mistake = Error::new(argument.ident.span(), says);
        args.mistakes.add(mistake);
        args.remove(key);
    }
}

/// Reports a mistake at the value of `key` and removes its argument.
pub(super) fn wrong_value(args: &mut Args, key: &str, says: &str) {
    let span = match args.get(key).map(|argument| &argument.value) {
        Some(Value::Word { span, .. }) => *span,
        Some(Value::Duration(timed)) => timed.span,
        _ => return wrong_key(args, key, says),
    };
    args.mistakes.add(Error::new(span, says));
    args.remove(key);
}

/// Refuses a scheduled body that never ends. For other wrong return types the compiler has the better message, because it can
/// resolve names.
pub(crate) fn check_output(args: &Args, item: &AnnotatedItem) -> Option<Error> {
    let trigger = trigger(args)?;
    let ReturnType::Type(_, ty) = &item.sig.output else { return None };
    let says = format!("a run of `{trigger}` has to end: return `()` or `Result<(), E>`, or remove `{trigger}`");
    is_never(ty).then(|| Error::new_spanned(ty, says))
}
