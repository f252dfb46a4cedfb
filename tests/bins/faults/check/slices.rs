//! R1: the fencing token of the EndpointSlice never decreases. R3: the pod in it is that of the candidate that had this token.

use lease_tests::log::Event;

use super::terms::Term;

/// The states of the slice, in their order.
pub(super) fn all(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.is("slice")).collect()
}

pub(super) fn broken(slices: &[&Event], terms: &[Term]) -> Vec<String> {
    let lower = slices.windows(2).filter(|pair| pair[1].token < pair[0].token);
    let lower = lower.map(|pair| format!("the slice had token {} after {}", pair[1].token, pair[0].token));
    let named = slices.iter().filter(|slice| slice.detail != "-");
    // A term that ended before its body began has left no event.
    let of = |slice: &Event| terms.iter().find(|term| term.token == slice.token);
    let wrong = named.filter_map(|slice| {
        let term = of(slice).filter(|term| !term.identity.starts_with(&format!("{}_", slice.detail)))?;
        Some(format!("the slice led to {} with token {}, which {} had", slice.detail, slice.token, term.identity))
    });
    lower.chain(wrong).collect()
}
