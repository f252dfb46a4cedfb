//! Requests of an operator to give the leadership up, and what a holder writes because of them. Without I/O.
//!
//! A request is an annotation of the Lease. It names one term of one holder, so it never reaches another: whatever it
//! says, a process that is not in that term ignores it and removes it with its next write. A holder that is named ends
//! its term as if it had stepped down by itself. Its release then removes the request and, for a transfer, names the
//! successor. Candidates leave the released Lease to that successor for a while (rule C5 of the
//! [election](crate::election)).

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::election::is_plain;
use crate::ticks::{Annotations, Edits};

/// A [`StepDownRequest`], written by an operator. The release removes it.
pub const STEP_DOWN: &str = "lease-runtime.dev/step-down";
/// The identity of the candidate that is to follow, written by the release. The write that acquires removes it.
pub const TRANSFER_TO: &str = "lease-runtime.dev/transfer-to";

/// The longest identity of a candidate, in bytes.
pub const MOST_IDENTITY: usize = 255;
/// The longest request. Two identities fit, even if each of their characters is escaped.
const MOST_REQUEST: usize = 4096;

/// A request to give the leadership up. As JSON: `{"holder":"pod-7_..","transitions":3,"to":"pod-8_.."}`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepDownRequest {
    /// The holder that is asked: the whole `holderIdentity`.
    pub holder: String,
    /// `leaseTransitions` of the term that is to end. A holder that leads again later has another one.
    pub transitions: i32,
    /// The candidate that is to follow. `None`: any.
    pub to: Option<String>,
}

impl StepDownRequest {
    /// The value of the annotation.
    pub fn text(&self) -> String {
        let to = self.to.iter().map(|to| ("to", Value::from(to.as_str())));
        let fields = [("holder", Value::from(self.holder.as_str())), ("transitions", Value::from(self.transitions))];
        Value::Object(fields.into_iter().chain(to).map(|(name, value)| (name.to_owned(), value)).collect()).to_string()
    }

    /// Reads the value of an annotation. The error is the rule that it breaks.
    fn parse(text: &str) -> Result<StepDownRequest, &'static str> {
        let form = "a request to step down is JSON, as in `{\"holder\":\"pod-7_8f1c\",\"transitions\":3}`";
        let fits = (text.len() <= MOST_REQUEST).then_some(text).ok_or(form)?;
        let fields: Map<String, Value> = serde_json::from_str(fits).map_err(|_| form)?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let number = |name: &str| fields.get(name).and_then(Value::as_i64).and_then(|number| number.try_into().ok());
        let (Some(holder), Some(transitions)) = (text("holder"), number("transitions")) else { return Err(form) };
        let to = text("to");
        if fields.get("to").is_some_and(|value| !value.is_string()) {
            return Err(form);
        }
        to.map_or(Ok(()), check_identity)?;
        if to == Some(holder) {
            return Err("a lease is transferred to another candidate than its holder");
        }
        Ok(StepDownRequest { holder: holder.to_owned(), transitions, to: to.map(str::to_owned) })
    }
}

/// Checks the identity of a candidate. The error is the rule that it breaks.
pub fn check_identity(identity: &str) -> Result<(), &'static str> {
    match identity {
        "" => Err("an identity is not empty"),
        text if text.len() > MOST_IDENTITY => Err("an identity has at most 255 bytes"),
        text if !text.chars().all(is_plain) => Err("an identity has no control characters and no line breaks"),
        _ => Ok(()),
    }
}

/// The term of the process that reads a request or writes the Lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnTerm<'a> {
    /// Its identity.
    pub identity: &'a str,
    /// `leaseTransitions` of the write that began the term.
    pub transitions: i32,
}

/// What the annotations ask of a process in its term.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Nothing. There is no request, or it is for another term.
    Nothing,
    /// To give the lease up.
    StepDown {
        /// The candidate that is to follow. `None`: any.
        to: Option<String>,
    },
    /// Nothing, because the request cannot be read. It breaks this rule.
    Unreadable(&'static str),
}

/// What these annotations ask of the process that is in this term.
pub fn asked(annotations: &Annotations, own: OwnTerm<'_>) -> Asked {
    match annotations.get(STEP_DOWN).map(|text| StepDownRequest::parse(text)) {
        None => Asked::Nothing,
        Some(Err(rule)) => Asked::Unreadable(rule),
        Some(Ok(request)) if request.holder == own.identity && request.transitions == own.transitions => {
            Asked::StepDown { to: request.to }
        }
        Some(Ok(_)) => Asked::Nothing,
    }
}

/// The candidate that the last holder has named as its successor. `None` if no candidate is named, or if
/// the text is no identity.
pub fn successor(annotations: &Annotations) -> Option<&str> {
    annotations.get(TRANSFER_TO).map(String::as_str).filter(|identity| check_identity(identity).is_ok())
}

/// A write of the election, as far as requests matter to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HolderWrite {
    /// It acquires the lease. Every request was meant for an earlier term.
    Acquire,
    /// It renews the lease. A request for this term stays until the release carries it out.
    Renew,
    /// It releases the lease.
    Release,
}

/// Adds what a write of the process says about requests and successors, if it replaces an object with these annotations.
/// Returns whether it says something.
pub fn edit(write: HolderWrite, annotations: &Annotations, own: OwnTerm<'_>, edits: &mut Edits) -> bool {
    let asked = asked(annotations, own);
    let stays = write == HolderWrite::Renew && matches!(asked, Asked::StepDown { .. });
    let successor = match (write, asked) {
        // The state that the release replaces decides, so a later request, and one that came while the bodies ended for
        // another reason, count too.
        (HolderWrite::Release, Asked::StepDown { to }) => to,
        _ => None,
    };
    let mut says = false;
    if annotations.contains_key(STEP_DOWN) && !stays {
        edits.insert(STEP_DOWN.to_owned(), None);
        says = true;
    }
    if annotations.get(TRANSFER_TO) != successor.as_ref() {
        edits.insert(TRANSFER_TO.to_owned(), successor);
        says = true;
    }
    says
}
