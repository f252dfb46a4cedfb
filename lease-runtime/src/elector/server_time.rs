//! The API server's time, taken from its answers.
//!
//! A machine cannot find out by itself that its clock is wrong. The API server is the one machine that all replicas talk to, and
//! each of its answers says in a `Date` header when it left.
//!
//! kube's typed calls do not return the headers of answers. So the client of the elector is wrapped in another one, which passes
//! everything on and reads the headers.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, header};
use jiff::fmt::rfc2822::DateTimeParser;
use kube::Client;
use kube::client::Body;

use super::passed_body::{PassedBody, passed};
use crate::clock::{Clock, Moment, WallTime};

/// The API server's time, as its answers say it. All elections of an elector share it.
#[derive(Debug)]
pub(super) struct ServerTime {
    clock: Arc<dyn Clock>,
    sample: Mutex<Option<ServerTimeSample>>,
    /// Counts the answers.
    answers: AtomicU64,
}

/// The time in the newest answer.
#[derive(Clone, Copy, Debug)]
struct ServerTimeSample {
    wall: WallTime,
    received: Moment,
}

impl ServerTime {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<ServerTime> {
        Arc::new(ServerTime { clock, sample: Mutex::new(None), answers: AtomicU64::new(0) })
    }

    /// The API server's clock at `now`: the time in its newest answer, plus what our own steady clock has counted since. `None` if
    /// no answer has named a time.
    ///
    /// It is never ahead of the server that gave this answer. It is behind by the fraction of a second that a `Date` leaves out,
    /// and by the time that the answer took to arrive and be read. Another server of the same cluster may differ by its own error.
    pub(super) fn at(&self, now: Moment) -> Option<WallTime> {
        let sample = (*self.sample())?;
        Some(sample.wall.plus(now.since(sample.received)))
    }

    /// A client like this one, whose answers are noted here. Call it on the runtime that runs the client.
    pub(super) fn listen(self: &Arc<Self>, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        Client::new(Listening { client, time: Arc::clone(self) }, namespace)
    }

    /// How many answers have come, to any election.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// An answer with these headers has come.
    fn note(&self, head: &HeaderMap) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        // Read after the answer has come: a delay in between makes the server's time earlier than it is, never later.
        let received = self.clock.now();
        if let Some(wall) = date(head) {
            self.keep(ServerTimeSample { wall, received });
        }
    }

    /// Several threads may note answers at once.
    fn keep(&self, new: ServerTimeSample) {
        let mut sample = self.sample();
        if sample.is_none_or(|old| old.received <= new.received) {
            *sample = Some(new);
        }
    }

    fn sample(&self) -> MutexGuard<'_, Option<ServerTimeSample>> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When an answer left, if it says so in the format that RFC 9110 demands: `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110 forbids
/// senders the older formats, and no API server has ever used them, so they are not read.
fn date(head: &HeaderMap) -> Option<WallTime> {
    const LENGTH: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();
    let text = head.get(header::DATE)?.as_bytes();
    // The parser knows all formats of mail dates. The others have another length, or another zone.
    if text.len() != LENGTH || !text.ends_with(b" GMT") {
        return None;
    }
    DateTimeParser::new().parse_timestamp(text).ok().map(WallTime::from)
}

/// A client that reads the headers of its answers.
///
/// It adds no wait to a request: the outer client returns the future of the inner one at once, and the sender polls and drops
/// that future.
struct Listening {
    client: Client,
    time: Arc<ServerTime>,
}

impl tower_service::Service<Request<Body>> for Listening {
    type Response = Response<PassedBody>;
    /// kube unwraps its own errors, so that the errors of the inner client arrive unchanged.
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<PassedBody>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        // The request waits for the inner client where it is sent.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (client, time) = (self.client.clone(), Arc::clone(&self.time));
        Box::pin(async move {
            let response = client.send(request).await?;
            time.note(response.headers());
            Ok(response.map(passed))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;

    fn said(text: &str) -> Option<WallTime> {
        let value = http::HeaderValue::from_bytes(text.as_bytes()).unwrap();
        date(&HeaderMap::from_iter([(header::DATE, value)]))
    }

    #[test]
    fn a_date_is_read_as_it_has_to_be_sent() {
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2028 23:59:59 GMT", 1_835_481_599),
            ("Thu, 30 Dec 9999 00:00:00 GMT", 253_402_128_000),
        ] {
            assert_eq!(said(text), Some(WallTime(seconds * 1_000_000)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_says_nothing() {
        assert_eq!(date(&HeaderMap::new()), None);
        for text in [
            "",
            "0",
            "784111777",
            "now",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            // The wrong weekday, and times that no calendar and no clock has.
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Mon, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:7 GMT",
            "Sun, 06 Nov 1994 (8:49:3 GMT",
            "Sun, 06 Nov 1994 08:49:\u{e9} GMT",
            "((((((((((((((((((((((((( GMT",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn the_servers_clock_goes_on_from_its_newest_answer() {
        let time = ServerTime::new(Arc::new(SystemClock));
        let moment = |seconds: u64| Moment::ZERO + Duration::from_secs(seconds);
        let wall = |seconds: i64| WallTime(seconds * 1_000_000);
        let tell = |at: u64, seconds: i64| time.keep(ServerTimeSample { wall: wall(seconds), received: moment(at) });
        assert_eq!(time.at(moment(0)), None);
        tell(100, 1_000);
        assert_eq!(time.at(moment(100)), Some(wall(1_000)));
        assert_eq!(time.at(moment(3_700)), Some(wall(4_600)));
        // A server whose clock is behind is believed as well.
        tell(200, 900);
        assert_eq!(time.at(moment(201)), Some(wall(901)));
        // An answer that came earlier and is noted only now is not the newest.
        tell(150, 5_000);
        assert_eq!(time.at(moment(201)), Some(wall(901)));
        // Nothing panics at the ends of the range of times.
        tell(300, i64::MAX / 1_000_000);
        assert_eq!(time.at(Moment::FAR), Some(WallTime(i64::MAX)));
    }
}
