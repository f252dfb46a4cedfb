//! The API server's time, as its answers tell it.
//!
//! A machine whose clock is wrong cannot tell by itself. The API server is the one machine that all replicas talk to, and
//! each of its answers says when it left, in a `Date` header.
//!
//! kube's typed calls keep the heads of answers to themselves. So the elector's client is put behind another one, which
//! lets everything pass and looks at the heads.

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

/// What the API server's answers say about its time. All elections of an elector share it.
#[derive(Debug)]
pub(super) struct ServerTime {
    clock: Arc<dyn Clock>,
    sample: Mutex<Option<ServerTimeSample>>,
    /// Counts the answers.
    answers: AtomicU64,
}

/// What the newest answer has told.
#[derive(Clone, Copy, Debug)]
struct ServerTimeSample {
    wall: WallTime,
    received: Moment,
}

impl ServerTime {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<ServerTime> {
        Arc::new(ServerTime { clock, sample: Mutex::new(None), answers: AtomicU64::new(0) })
    }

    /// The API server's clock at `now`, as its newest answer tells and our own steady clock has counted since; `None`: no
    /// answer has told.
    ///
    /// Not ahead of the server that gave this answer, and behind it by the fraction of a second that a `Date` leaves out, and
    /// by the time the answer took to come and be looked at. Another server of the same cluster may differ by its own error.
    pub(super) fn at(&self, now: Moment) -> Option<WallTime> {
        let sample = (*self.sample())?;
        Some(sample.wall.plus(now.since(sample.received)))
    }

    /// A client like this one, whose answers are noted here. Has to be called on the runtime that shall run it.
    pub(super) fn listen(self: &Arc<Self>, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        Client::new(Listening { client, time: Arc::clone(self) }, namespace)
    }

    /// How many answers have come, to any election.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// An answer has come, with this head.
    fn note(&self, head: &HeaderMap) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        // Read after the answer has come: what passes in between makes the server's time earlier than it is, never later.
        let received = self.clock.now();
        if let Some(wall) = date(head) {
            self.keep(ServerTimeSample { wall, received });
        }
    }

    /// Answers may be noted at once on several threads.
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

/// When an answer left, if it says so as RFC 9110 wants it: `Sun, 06 Nov 1994 08:49:37 GMT`. The older formats, which it
/// forbids to senders, say nothing here; no API server has ever used them.
fn date(head: &HeaderMap) -> Option<WallTime> {
    const LENGTH: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();
    let text = head.get(header::DATE)?.as_bytes();
    // This is one of the formats of mail, which the parser knows all of. The others have no such length, or another zone.
    if text.len() != LENGTH || !text.ends_with(b" GMT") {
        return None;
    }
    DateTimeParser::new().parse_timestamp(text).ok().map(WallTime::from)
}

/// A client that looks at the heads of its answers.
///
/// A request waits nowhere that it did not wait before: the worker in front hands its future back at once, to be polled, and
/// dropped, by whoever sent it.
struct Listening {
    client: Client,
    time: Arc<ServerTime>,
}

impl tower_service::Service<Request<Body>> for Listening {
    type Response = Response<PassedBody>;
    /// kube takes its own errors out again, so that those of the client behind arrive as they are.
    type Error = kube::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<PassedBody>, kube::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        // The client behind is waited for where the request is sent.
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
            // Not a Monday, and what no calendar and no clock has.
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
        // A server that is behind is believed as well.
        tell(200, 900);
        assert_eq!(time.at(moment(201)), Some(wall(901)));
        // An answer that came before, and is noted only now, is not the newest.
        tell(150, 5_000);
        assert_eq!(time.at(moment(201)), Some(wall(901)));
        // Nothing panics at the ends of time.
        tell(300, i64::MAX / 1_000_000);
        assert_eq!(time.at(Moment::FAR), Some(WallTime(i64::MAX)));
    }
}
