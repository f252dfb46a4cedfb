//! The values of the keys.

mod constant;
mod count;
mod deadline;
mod name;
mod quoted;
mod range;
mod rate;
mod read;
mod suggestion;
mod word;
pub(crate) mod zone;
pub(crate) mod zones;

pub(crate) use lease_grammar::cron::Cron;
pub(crate) use lease_grammar::duration::Duration;

use proc_macro2::Span;
use syn::{Expr, LitStr, Path};

pub(crate) use name::{Hole, Named, Pattern};
pub(crate) use read::read;

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
    /// `cron` is `None` if the value is a constant.
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
    /// `with` is the number in parentheses, for a word that takes one.
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
