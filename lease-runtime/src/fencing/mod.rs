//! The target's side of the [fencing token](crate::FencingToken): what refuses a request of an earlier leader.
//!
//! A target that stores its state in a database compares tokens there, in the statement that writes. [`HighWater`] is for a
//! target whose state is in the memory of one process. [`Policies`] lets the API server refuse what an earlier leader writes to
//! objects of Kubernetes.

mod policies;
mod stamp;

pub use policies::{GuardedResource, Policies, PoliciesError};
pub(crate) use stamp::{stamp_key, stamp_of};

use crate::sync::atomic::{AtomicU64, Ordering};

use lease_protocol::election::FencingToken;

/// The highest fencing token that a target has admitted: it refuses lower ones.
///
/// Use one for each lease and target. Threads may share it, and it may be a `static`.
///
/// # What it gives
///
/// As soon as a token is admitted, each lower token is refused, on whatever thread. Calls do not wait for each other.
///
/// # What it does not give
///
/// - It is no fence by itself. A call that was admitted can be overtaken by a later leader before it has its effect. So call
///   [`admit`](HighWater::admit) while you hold the lock that protects the state, and keep the lock until the effect is
///   there, as in the example. Without such a lock, an effect must be harmless if it comes late or twice.
/// - It knows what this process has admitted. It does not cover the same target in another process, and a restart sets it
///   back. That is right for state which is lost at the same time. For state that outlives the process, store the token
///   with the state, in one transaction. A `HighWater` whose first call admits that token then continues from there.
/// - Equal tokens are admitted, because one leader sends many requests. It does not put these in an order, and does not
///   notice one that arrives twice.
///
/// # Example
///
/// ```
/// use std::sync::{Mutex, PoisonError};
///
/// use lease_runtime::FencingToken;
/// use lease_runtime::fencing::{HighWater, Stale};
///
/// #[derive(Default)]
/// struct Price {
///     seen: HighWater,
///     cents: Mutex<u64>,
/// }
///
/// impl Price {
///     fn set(&self, cents: u64, token: FencingToken) -> Result<(), Stale> {
///         let mut price = self.cents.lock().unwrap_or_else(PoisonError::into_inner);
///         self.seen.admit(token)?; // the check and the effect are under one lock
///         *price = cents;
///         Ok(())
///     }
/// }
///
/// let price = Price::default();
/// let (earlier, later) = ("105".parse()?, "260".parse()?);
/// price.set(199, earlier)?;
/// price.set(249, later)?;
/// assert!(price.set(179, earlier).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct HighWater {
    /// Zero, which is the token of no term, until a token is admitted.
    highest: AtomicU64,
}

impl HighWater {
    /// For a target that has admitted nothing yet: its first token may be any.
    pub const fn new() -> HighWater {
        HighWater { highest: AtomicU64::new(0) }
    }

    /// Admits a token that is as high as each admitted one, or higher. From then on, lower ones are refused.
    ///
    /// # Errors
    ///
    /// [`Stale`], if a higher token was admitted before. Do nothing then, and return the error to the sender.
    pub fn admit(&self, token: FencingToken) -> Result<(), Stale> {
        let before = self.highest.fetch_max(token.get(), Ordering::AcqRel);
        if token.get() < before {
            return Err(Stale { sent: token, highest: FencingToken::new(before) });
        }
        Ok(())
    }

    /// The highest token that was admitted. `None` before the first.
    pub fn highest(&self) -> Option<FencingToken> {
        match self.highest.load(Ordering::Acquire) {
            0 => None,
            highest => Some(FencingToken::new(highest)),
        }
    }
}

/// The error of [`HighWater::admit`]: an earlier leader has sent the request. The sender should end its term, because
/// another replica leads or has led since.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error(
    "an earlier leader has sent this: its fencing token is {sent}, and {highest} was admitted before. The sender should end its term"
)]
#[non_exhaustive]
pub struct Stale {
    /// The token of the request.
    pub sent: FencingToken,
    /// The highest token that the target has admitted.
    pub highest: FencingToken,
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use super::*;

    fn token(number: u64) -> FencingToken {
        FencingToken::new(number)
    }

    #[test]
    fn a_token_below_the_highest_is_refused() {
        static SEEN: HighWater = HighWater::new();
        assert_eq!(SEEN.highest(), None);
        assert_eq!((SEEN.admit(token(7)), SEEN.highest()), (Ok(()), Some(token(7))));
        assert_eq!(SEEN.admit(token(7)), Ok(()), "a leader sends its token again and again");
        assert_eq!(SEEN.admit(token(9)), Ok(()), "tokens skip numbers");
        let refused = Stale { sent: token(8), highest: token(9) };
        assert_eq!((SEEN.admit(token(8)), SEEN.highest()), (Err(refused), Some(token(9))));
        let max = FencingToken::new(u64::MAX);
        assert_eq!((SEEN.admit(max), SEEN.admit(max), SEEN.highest()), (Ok(()), Ok(()), Some(max)));
    }

    #[test]
    fn a_refusal_says_what_the_sender_should_do() {
        assert_eq!(
            Stale { sent: token(105), highest: token(260) }.to_string(),
            "an earlier leader has sent this: its fencing token is 105, and 260 was admitted before. \
             The sender should end its term"
        );
    }

    /// Leaders write into one list, each with the tokens of several terms.
    #[test]
    fn effects_under_a_lock_never_go_backwards() {
        const LEADERS: u64 = 4;
        const TERMS: u64 = 2_000;
        let (seen, effects) = (HighWater::new(), Mutex::new(Vec::new()));
        let start = Barrier::new(LEADERS as usize);
        thread::scope(|scope| {
            for leader in 1..=LEADERS {
                let (seen, effects, start) = (&seen, &effects, &start);
                scope.spawn(move || {
                    start.wait();
                    for term in 0..TERMS {
                        let token = token(term * LEADERS + leader);
                        let mut effects = effects.lock().unwrap();
                        if seen.admit(token).is_ok() {
                            effects.push(token);
                        }
                    }
                });
            }
        });
        let effects = effects.into_inner().unwrap();
        assert!(effects.is_sorted(), "{effects:?}");
        assert_eq!(
            (effects.last().copied(), seen.highest()),
            (Some(token(TERMS * LEADERS)), Some(token(TERMS * LEADERS)))
        );
    }

    /// Without a lock: once a thread has admitted a token, no thread admits a lower one, and no refusal is without a reason.
    #[test]
    fn threads_agree_on_the_highest() {
        const THREADS: u64 = 4;
        const ROUNDS: u64 = 5_000;
        let seen = HighWater::new();
        let start = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for own in 1..=THREADS {
                let (seen, start) = (&seen, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..ROUNDS {
                        let (before, token) = (seen.highest(), token(round * THREADS + own));
                        match seen.admit(token) {
                            Ok(()) => assert!(before <= Some(token) && seen.highest() >= Some(token)),
                            Err(stale) => assert!(stale.sent == token && token < stale.highest, "{stale}"),
                        }
                    }
                });
            }
        });
        assert_eq!(seen.highest(), Some(token(ROUNDS * THREADS)));
    }
}
