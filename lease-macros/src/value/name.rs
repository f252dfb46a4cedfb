//! Reads the names of leases, namespaces and Services, which may contain arguments.

use lease_grammar::names::Name;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, Ident, LitStr, Member};

use super::constant;
use crate::keys::Key;

/// A name in the user's code.
pub(crate) enum Named {
    /// A valid string, or a constant. The compiler checks a constant, with the runtime's rule.
    Constant(Expr),
    /// A string with arguments in braces.
    Pattern(Pattern),
}

/// `"tenant-{tenant.id}-x"`.
pub(crate) struct Pattern {
    pub(crate) literal: LitStr,
    /// The text before each hole, and the hole.
    pub(crate) parts: Vec<(String, Hole)>,
    /// The text after the last hole.
    pub(crate) end: String,
}

/// `{tenant.id:03}`.
pub(crate) struct Hole {
    /// An argument, `self` or a constant.
    pub(crate) root: String,
    pub(crate) fields: Vec<Member>,
    /// The format: the colon and the text after it.
    pub(crate) spec: String,
}

/// Reads a name of this kind.
pub(super) fn read(name: Name, key: &'static Key, input: ParseStream<'_>) -> syn::Result<Named> {
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
            Pattern::parse(name, text).map(Named::Pattern)
        } else {
            name.check_pieces([text.value().as_str()], &text.value()).map(|()| Named::Constant(value.clone()))
        };
        return named.map_err(|says| written.wrong(says));
    }
    if written.mentions("Self") {
        let says = format!("the constant of `{}` cannot use `Self`: name the type, as in `Ledger::NAME`", key.name);
        return Err(written.wrong(says));
    }
    Ok(Named::Constant(value))
}

impl Pattern {
    fn parse(name: Name, literal: &LitStr) -> Result<Pattern, String> {
        let text = literal.value();
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        if text.contains("{{") || text.contains("}}") {
            let says =
                "doubled braces stand for a brace, which a name in Kubernetes cannot contain: write single braces";
            return Err(says.to_owned());
        }
        while let Some((before, behind)) = rest.split_once('{') {
            let unclosed = || format!("a brace is not closed: write `{{{}}}`", behind.trim());
            let (hole, after) = behind.split_once('}').ok_or_else(unclosed)?;
            parts.push((before.to_owned(), Hole::parse(hole)?));
            rest = after;
        }
        if rest.contains('}') || parts.iter().any(|(before, _)| before.contains('}')) {
            return Err("a brace is not opened: put braces around an argument, as in \"shard-{shard}\"".to_owned());
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
                "`{{{text}}}` does not name an argument: write a name in the braces, as in `{{shard{spec}}}`"
            ));
        }
        if spec.contains('$') {
            return Err(format!(
                "`{{{text}}}` takes its format from an argument: write it as a number, as in `{{{value}:03}}`"
            ));
        }
        let separate_argument = || {
            let value = value.trim();
            format!("braces can contain an argument, a field of one, or a constant: pass `{value}` as another argument")
        };
        let mut names = value.split('.');
        let root = names.next().unwrap_or_default();
        if value.trim() != value {
            return Err(format!("a name in braces must not have spaces around it: write `{{{}}}`", text.trim()));
        }
        // Accepts keywords as `format!` does: `{type}` means `r#type`.
        if Ident::parse_any.parse_str(root).is_err() {
            return Err(separate_argument());
        }
        let fields = names.map(|field| syn::parse_str::<Member>(field).map_err(|_| separate_argument()));
        Ok(Hole { root: root.to_owned(), fields: fields.collect::<Result<_, _>>()?, spec: spec.to_owned() })
    }

    /// Whether it may be a constant: it is in upper case.
    pub(crate) fn is_constant(&self) -> bool {
        self.fields.is_empty() && is_upper_case(&self.root)
    }
}

fn is_upper_case(name: &str) -> bool {
    name.contains(|c: char| c.is_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}

impl Named {
    /// Its place in the user's code.
    pub(crate) fn span(&self) -> proc_macro2::Span {
        match self {
            Named::Constant(value) => value.span(),
            Named::Pattern(pattern) => pattern.literal.span(),
        }
    }
}
