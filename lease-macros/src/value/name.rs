//! Names in Kubernetes: of leases and namespaces, which may be made from arguments, and of tasks.

use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, LitStr, Member};

use super::constant;
use crate::keys::Key;

/// What a kind of names is called and may consist of.
#[derive(Clone, Copy)]
pub(crate) struct Name {
    /// Who has such a name.
    of: &'static str,
    /// What it consists of, as half a sentence.
    form: &'static str,
    dots: bool,
    max_len: usize,
    /// What to do about an empty one.
    if_empty: &'static str,
}

/// A name as it was given.
pub(crate) enum Named {
    /// A string that is valid, or a constant: whether that is, the compiler finds out, by the rule of the runtime.
    Constant(Expr),
    /// A string with arguments in braces.
    Pattern(Pattern),
}

/// `"tenant-{tenant.id}-x"`.
pub(crate) struct Pattern {
    pub(crate) literal: LitStr,
    /// What stands before each hole, and the hole.
    pub(crate) parts: Vec<(String, Hole)>,
    /// What stands after the last one.
    pub(crate) end: String,
}

/// `{tenant.id:03}`.
pub(crate) struct Hole {
    /// An argument, `self` or a constant.
    pub(crate) root: String,
    pub(crate) fields: Vec<Member>,
    /// How it is formatted: what follows the colon, with it.
    pub(crate) spec: String,
}

impl Name {
    pub(crate) const LEASE: Name = Name {
        of: "a lease's name",
        form: "lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part",
        dots: true,
        max_len: 253,
        if_empty: "name it after the work, as in \"ledger\"",
    };

    pub(crate) const NAMESPACE: Name = Name {
        of: "a namespace",
        form: "lower-case letters, digits and `-`, a letter or digit at both ends",
        dots: false,
        max_len: 63,
        if_empty: "leave it out for the candidate's own",
    };

    pub(super) fn read(self, key: &'static Key, input: ParseStream<'_>) -> syn::Result<Named> {
        let (value, written) = constant::read(key, input)?;
        if let Expr::Macro(call) = &value
            && call.mac.path.segments.last().is_some_and(|last| last.ident == "format")
        {
            let text = call.mac.tokens.clone().into_iter().next().map(|first| first.to_string());
            let text = text.filter(|text| !text.contains("{}") && !text.contains("{:"));
            let form = key.form(text.as_deref().unwrap_or("\"shard-{shard}\""));
            return Err(written.wrong(format_args!("the attribute formats `{}` itself: write `{form}`", key.name)));
        }
        if let Some(text) = constant::string(&value) {
            let named = if text.value().contains(['{', '}']) {
                Pattern::parse(self, text).map(Named::Pattern)
            } else {
                self.check_pieces([text.value().as_str()], &text.value()).map(|()| Named::Constant(value.clone()))
            };
            return named.map_err(|says| written.wrong(says));
        }
        if written.mentions("Self") {
            let says = format!("the constant of `{}` cannot see `Self`: name the type, as in `Ledger::NAME`", key.name);
            return Err(written.wrong(says));
        }
        Ok(Named::Constant(value))
    }

    /// What is wrong with the pieces of a name, those between them taken for something that fits.
    fn check_pieces<'a>(self, pieces: impl IntoIterator<Item = &'a str>, text: &str) -> Result<(), String> {
        let Name { of, form, dots, max_len, if_empty } = self;
        if text.is_empty() {
            return Err(format!("{of} must not be empty: {if_empty}"));
        }
        let name = pieces.into_iter().collect::<Vec<_>>().join("0");
        let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_allowed = |c: char| is_alphanumeric(c) || c == '-' || (dots && c == '.');
        if let Some(wrong) = name.chars().find(|c| !is_allowed(*c)) {
            let instead = mended(text, is_allowed);
            return Err(format!("{of} cannot hold `{wrong}`, but consists of {form}: write it as in {instead:?}"));
        }
        let ends_well = |part: &&str| part.starts_with(is_alphanumeric) && part.ends_with(is_alphanumeric);
        if let Some(part) = name.split('.').find(|part| !ends_well(part)) {
            let parts = if dots { " of each part" } else { "" };
            let place = match part {
                "" => "beside the `.`",
                _ if part.ends_with(is_alphanumeric) => "before the `-`",
                _ => "behind the `-`",
            };
            return Err(format!("{of} has a letter or digit at both ends{parts}: put one, or an argument, {place}"));
        }
        if name.len() > max_len {
            return Err(format!("{of} has at most {max_len} characters, and this one {}: shorten it", name.len()));
        }
        Ok(())
    }
}

/// The text with what is outside of braces brought into form.
fn mended(text: &str, is_allowed: impl Fn(char) -> bool) -> String {
    let mut depth = 0_usize;
    let mend = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => {
                let lower = c.to_ascii_lowercase();
                return if is_allowed(lower) { lower } else { '-' };
            }
            _ => {}
        }
        c
    };
    text.chars().map(mend).collect()
}

impl Pattern {
    fn parse(name: Name, literal: &LitStr) -> Result<Pattern, String> {
        let text = literal.value();
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        if text.contains("{{") || text.contains("}}") {
            let says = "doubled braces stand for a brace, which a name in Kubernetes cannot hold: write one around an argument";
            return Err(says.to_owned());
        }
        while let Some((before, behind)) = rest.split_once('{') {
            let unclosed = || format!("a brace is not closed: write `{{{}}}`", behind.trim());
            let (hole, after) = behind.split_once('}').ok_or_else(unclosed)?;
            parts.push((before.to_owned(), Hole::parse(hole)?));
            rest = after;
        }
        if rest.contains('}') || parts.iter().any(|(before, _)| before.contains('}')) {
            return Err("a brace is not opened: write it around an argument, as in \"shard-{shard}\"".to_owned());
        }
        let pieces = parts.iter().map(|(before, _)| before.as_str()).chain([rest]);
        name.check_pieces(pieces, &text)?;
        let end = rest.to_owned();
        Ok(Pattern { literal: literal.clone(), parts, end })
    }
}

impl Hole {
    fn parse(text: &str) -> Result<Hole, String> {
        let (value, spec) = match text.find(':') {
            Some(colon) if !text[colon..].starts_with("::") => text.split_at(colon),
            _ => (text, ""),
        };
        if value.is_empty() || value.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!(
                "`{{{text}}}` names no argument: write its name into the braces, as in `{{shard{spec}}}`"
            ));
        }
        if spec.contains('$') {
            return Err(format!(
                "`{{{text}}}` takes its format from an argument: write it as a number, as in `{{{value}:03}}`"
            ));
        }
        let value_of_its_own = || {
            let value = value.trim();
            format!("braces hold an argument, a field of one, or a constant: pass `{value}` as an argument of its own")
        };
        let mut names = value.split('.');
        let root = names.next().unwrap_or_default();
        if value.trim() != value {
            return Err(format!("braces hold a name without spaces around it: write `{{{}}}`", text.trim()));
        }
        // As `format!` has it, where `type` is `r#type`.
        if Ident::parse_any.parse_str(root).is_err() {
            return Err(value_of_its_own());
        }
        let fields = names.map(|field| syn::parse_str::<Member>(field).map_err(|_| value_of_its_own()));
        Ok(Hole { root: root.to_owned(), fields: fields.collect::<Result<_, _>>()?, spec: spec.to_owned() })
    }

    /// Whether it may be a constant: it is written like one.
    pub(crate) fn is_constant(&self) -> bool {
        self.fields.is_empty() && is_upper_case(&self.root)
    }
}

fn is_upper_case(name: &str) -> bool {
    name.contains(|c: char| c.is_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}

impl Named {
    /// Where it stands.
    pub(crate) fn span(&self) -> proc_macro2::Span {
        match self {
            Named::Constant(value) => value.span(),
            Named::Pattern(pattern) => pattern.literal.span(),
        }
    }
}

/// A task's name becomes part of an annotation's name on the Lease, and so has to be one. What is wrong is half a sentence.
pub(crate) fn broken_by_task_name(name: &str) -> Option<&'static str> {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() {
        Some("a task's name must not be empty")
    } else if name.len() > 63 {
        Some("a task's name must have at most 63 characters")
    } else if !name.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.')) {
        Some("a task's name must consist of ASCII letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(is_alphanumeric) || !name.ends_with(is_alphanumeric) {
        Some("a task's name must start and end with a letter or digit")
    } else {
        None
    }
}
