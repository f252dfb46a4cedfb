//! The clock of this machine beside that of the API server.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::access::why;
use super::finding::{Finding, Status};
use crate::age::span;
use crate::cluster::Cluster;
use crate::timers::now;

/// `Date` has whole seconds, and the answer takes a while.
pub(super) const TOLERANCE: i64 = 3;

pub(super) async fn check(cluster: &Cluster) -> Option<Finding> {
    let before = now();
    match cluster.date().await {
        Ok(date) => {
            let after = now();
            let date = date.as_deref().and_then(|date| rfc2822::parse(date).ok()).map(|date| date.timestamp());
            date.map(|date| judged(before, date, after))
        }
        Err(error) => {
            let text = format!("the clock of the API server cannot be read: {}", why(&error));
            Some(Finding::new(Status::Warning, text))
        }
    }
}

/// The server has written `date` between the two instants.
fn judged(before: Timestamp, date: Timestamp, after: Timestamp) -> Finding {
    let (before, date, after) = (before.as_second(), date.as_second(), after.as_second());
    let (by, word) = if date > after { (date - after, "behind") } else { ((before - date).max(0), "ahead of") };
    if by <= TOLERANCE {
        return Finding::new(Status::Ok, "the clock of this machine agrees with that of the API server");
    }
    let text = format!(
        "the clock of this machine is {} {word} that of the API server: correct it. Elections do not depend on it, but the times that \
         are marked ~ and scheduled tasks do",
        span(by)
    );
    Finding::new(Status::Warning, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let found = |before, date, after| judged(at(before), at(date), at(after));
        assert_eq!(found(100, 99, 100).status, Status::Ok);
        assert_eq!(found(100, 103, 100).status, Status::Ok);
        // A slow answer says less.
        assert_eq!(found(100, 109, 110).status, Status::Ok);
        assert!(found(100, 160, 101).text.contains("59s behind"));
        assert!(found(100, 40, 101).text.contains("1m ahead of"));
    }
}
