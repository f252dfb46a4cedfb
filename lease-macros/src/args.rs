//! `lease = "ledger", grace = "30s"`: what stands in the attribute's parentheses.

use std::fmt::Display;
use std::ops::Range;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::buffer::Cursor;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Expr, Ident, Lit, LitStr, Path, Token};

use crate::duration::{self, Span as Duration};
use crate::keys;

/// The attribute's arguments, with what is wrong with them.
///
/// A wrong argument is left out and said in `mistakes`, so that the function still becomes a task and its callers are not
/// told off for a mistake that is not theirs.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) runtime: Option<Path>,
    pub(crate) lease: Option<Expr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) namespace: Option<Setting<Expr>>,
    /// In the order in which `LeaseSpec` wants them, not in that of the attribute.
    pub(crate) timings: [Option<Setting<Timed>>; 3],
    pub(crate) grace: Option<Setting<Timed>>,
    pub(crate) on_overrun: Option<Setting<Ident>>,
    pub(crate) mistakes: Mistakes,
    /// There is something that was meant to be the lease, right or wrong.
    pub(crate) lease_attempted: bool,
}

/// A key whose name is also that of the method which it turns into.
pub(crate) struct Setting<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

/// A duration and the literal it was written as.
pub(crate) struct Timed {
    pub(crate) duration: Duration,
    pub(crate) span: Span,
}

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, mistake: Error) {
        match &mut self.0 {
            Some(mistakes) => mistakes.combine(mistake),
            none => *none = Some(mistake),
        }
    }

    /// Adds a mistake that underlines `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, says: impl Display) {
        self.add(Error::new_spanned(tokens, says));
    }

    pub(crate) fn into_error(self) -> Option<Error> {
        self.0
    }
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Args {
        let mut args = Args::default();
        let parsed = (|input: ParseStream<'_>| {
            args.arguments(input);
            Ok(())
        })
        .parse2(tokens);
        if let Err(mistake) = parsed {
            args.mistakes.add(mistake);
        }
        args
    }

    fn arguments(&mut self, input: ParseStream<'_>) {
        let mut seen = Vec::new();
        while !input.is_empty() {
            match self.argument(input, &mut seen) {
                // Where only the comma is missing, what follows is still worth reading.
                Ok(()) if at_key(input) => {
                    self.mistakes.add(input.error("a comma is missing: put a `,` before this argument"))
                }
                Ok(()) if at_end(input) => {}
                Ok(()) => {
                    let rest = rest_of_argument(input);
                    self.mistakes
                        .add(Error::new_range(rest, "this belongs to no argument: remove it, or put a `,` before it"));
                }
                Err(mistake) => {
                    self.mistakes.add(mistake);
                    rest_of_argument(input);
                }
            }
            // Not there only at the end and where its absence has been reported.
            let _ = input.parse::<Option<Token![,]>>();
        }
    }

    fn argument(&mut self, input: ParseStream<'_>, seen: &mut Vec<String>) -> syn::Result<()> {
        if !input.peek(Ident::peek_any) {
            self.lease_attempted |= input.peek(LitStr);
            let value = rest_of_argument(input);
            let form = match LitStr::parse_range(&value) {
                Some(text) => format!("lease = {:?}", text.value()),
                None => keys::form("lease").to_owned(),
            };
            return Err(Error::new_range(value, format_args!("an argument has a key: write `{form}`")));
        }
        let key = input.call(Ident::parse_any)?;
        let name = key.unraw().to_string();
        if !keys::is_known(&name) {
            let (says, meant) = keys::unknown(&name);
            self.lease_attempted |= meant == Some("lease");
            return Err(Error::new(key.span(), says));
        }
        self.lease_attempted |= name == "lease";
        let form = keys::form(&name);
        if seen.contains(&name) {
            return Err(Error::new(key.span(), format_args!("`{name}` is given twice: remove one")));
        }
        seen.push(name.clone());
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(Error::new(key.span(), format_args!("`{name}` needs a value: write `{form}`")));
        }
        let equals: Token![=] = input.parse()?;
        if at_end(input) {
            return Err(Error::new(equals.span, format_args!("`{name}` needs a value: write `{form}`")));
        }
        match name.as_str() {
            "lease" => self.lease = Some(constant(input, &name)?),
            "namespace" => self.namespace = Some(Setting { value: constant(input, &name)?, key }),
            "name" => self.name = Some(task_name(input)?),
            "lease_duration" => self.timings[0] = Some(Setting { value: timed(input, &name)?, key }),
            "renew_deadline" => self.timings[1] = Some(Setting { value: timed(input, &name)?, key }),
            "retry_period" => self.timings[2] = Some(Setting { value: timed(input, &name)?, key }),
            "grace" => self.grace = Some(Setting { value: timed(input, &name)?, key }),
            "on_overrun" => self.on_overrun = Some(Setting { value: overrun(input)?, key }),
            _ => self.runtime = Some(runtime(input)?),
        }
        Ok(())
    }
}

/// A string, or a path or expression that is constant: which of them, and whether it is valid, the compiler finds out.
fn constant(input: ParseStream<'_>, key: &str) -> syn::Result<Expr> {
    let begin = input.cursor();
    let Ok(value) = input.parse::<Expr>() else {
        let form = keys::form(key);
        let value = begin..rest_of_argument(input).end;
        return Err(Error::new_range(value, format_args!("`{key}` takes a string or a constant: write `{form}`")));
    };
    if let Expr::Lit(literal) = &value
        && let Lit::Str(text) = &literal.lit
        && text.value().contains('{')
    {
        return Err(Error::new_range(
            begin..input.cursor(),
            format_args!(
                "a name in the attribute is the same for every call: set one made from arguments on the task, as in \
                 `.{key}(format!(\"shard-{{shard}}\"))`"
            ),
        ));
    }
    if mentions_self(begin, input.cursor()) {
        return Err(Error::new_range(
            begin..input.cursor(),
            "a lease's constant cannot see `Self`: name the type, as in `Ledger::LEASE`",
        ));
    }
    Ok(value)
}

fn mentions_self(mut from: Cursor<'_>, to: Cursor<'_>) -> bool {
    while from != to {
        match from.token_tree() {
            Some((proc_macro2::TokenTree::Ident(ident), _)) if ident == "Self" => return true,
            Some((_, next)) => from = next,
            None => break,
        }
    }
    false
}

fn task_name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let value = rest_of_argument(input);
    let Some(name) = LitStr::parse_range(&value) else {
        return Err(Error::new_range(value, "`name` takes a string literal: write `name = \"nightly-report\"`"));
    };
    match keys::check_task_name(&name.value()) {
        Ok(()) => Ok(name),
        Err(says) => Err(Error::new(name.span(), format_args!("{says}: write it as in \"nightly-report\""))),
    }
}

fn timed(input: ParseStream<'_>, key: &str) -> syn::Result<Timed> {
    let value = rest_of_argument(input);
    let (text, quoted) = match LitStr::parse_range(&value) {
        Some(text) => (text.value(), true),
        None => (text_of(&value), false),
    };
    match duration::parse(&text) {
        Ok(duration) if quoted => Ok(Timed { duration, span: value.start.span() }),
        Ok(_) => Err(Error::new_range(value, format_args!("a duration is a string: write `{key} = {text:?}`"))),
        Err(duration::Wrong { what, instead }) => {
            let form = match instead {
                Some(instead) => format!("{key} = {instead:?}"),
                None => keys::form(key).to_owned(),
            };
            Err(Error::new_range(value, format_args!("{what}: write `{form}`")))
        }
    }
}

fn overrun(input: ParseStream<'_>) -> syn::Result<Ident> {
    let value = rest_of_argument(input);
    let text = text_of(&value);
    let variant = match text.as_str() {
        "abort" => "Abort",
        "report" => "Report",
        _ => {
            let remedy = match text.trim_matches('"') {
                "abort" => "write `on_overrun = abort`, without quotes",
                "report" => "write `on_overrun = report`, without quotes",
                _ => "`abort` ends the process, `report` logs it and goes on",
            };
            return Err(Error::new_range(value, format_args!("`on_overrun` is either `abort` or `report`: {remedy}")));
        }
    };
    Ok(Ident::new(variant, value.start.span()))
}

fn runtime(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(LitStr) {
        let value = rest_of_argument(input);
        let path = text_of(&value);
        let path = path.trim_matches('"');
        return Err(Error::new_range(
            value,
            format_args!("`crate` takes a path: write `crate = {path}`, without quotes"),
        ));
    }
    input.call(Path::parse_mod_style)
}

/// Whether the argument ends here.
fn at_end(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
}

/// Whether `key =` begins here.
fn at_key(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=])
}

/// Takes what is left of an argument: up to a comma, or up to the next key where the comma is missing.
fn rest_of_argument<'a>(input: ParseStream<'a>) -> Range<Cursor<'a>> {
    let begin = input.cursor();
    let mut first = true;
    while !at_end(input) && (first || !at_key(input)) {
        first = false;
        // The stream is not at its end, so that there is a token to take.
        let _ = input.parse::<proc_macro2::TokenTree>();
    }
    begin..input.cursor()
}

/// What was written, without spaces.
fn text_of(range: &Range<Cursor<'_>>) -> String {
    let mut text = String::new();
    let mut at = range.start;
    while at != range.end {
        let Some((token, next)) = at.token_tree() else { break };
        text.push_str(&token.to_string());
        at = next;
    }
    text
}

trait ParseRange: Sized {
    /// The one token of `range`, if it is one and of this kind.
    fn parse_range(range: &Range<Cursor<'_>>) -> Option<Self>;
}

impl ParseRange for LitStr {
    fn parse_range(range: &Range<Cursor<'_>>) -> Option<LitStr> {
        let (literal, next) = range.start.literal()?;
        if next != range.end {
            return None;
        }
        match Lit::new(literal) {
            Lit::Str(text) => Some(text),
            _ => None,
        }
    }
}
