//! Finds an error among the causes of another.

use std::error::Error as StdError;

/// Whether an error of type `E` that fulfils `test` is among the causes of `error`.
pub(super) fn caused_by<E: StdError + 'static>(error: &(dyn StdError + 'static), test: &dyn Fn(&E) -> bool) -> bool {
    search(error, test).is_some()
}

/// The first error of type `E` among an error and its causes.
pub(super) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    search(error, &|_| true)
}

fn search<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static), test: &dyn Fn(&E) -> bool) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>().filter(|error| test(error)) {
            return Some(found);
        }
        // An io::Error that wraps another error returns the cause of that error as its own. So look at the wrapped one too.
        if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = search(inner, test)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}
