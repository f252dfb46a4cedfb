//! The `Date` header of answers.

use tower_service::Service;

use super::*;
use lease_protocol::clock::Moment;

use crate::clock::ServerClock;

/// The example of RFC 9110, `Sun, 06 Nov 1994 08:49:37 GMT`.
const EXAMPLE: WallTime = WallTime(784_111_777_000_000);

/// The `Date` header is in all answers: real refusals, injected ones, and those of a proxy.
#[tokio::test(start_paused = true)]
async fn answers_are_dated_by_the_clock_that_was_set() {
    let clock = PausedClock::starting_at(EXAMPLE.plus(Duration::from_millis(900)));
    let api = EmbeddedApi::with(Settings::default().clock(clock));
    let answer = async |path: &str| {
        let request = http::Request::get(path).body(http_body_util::Empty::<Bytes>::new()).expect("a request");
        let response = api.service().call(request).await.expect("an answer");
        let dates: Vec<_> = response.headers().get_all("date").iter().collect();
        let [date] = dates.as_slice() else { panic!("{path}: {dates:?}") };
        (response.status().as_u16(), date.to_str().expect("text").to_owned())
    };
    let at = |code: u16, time: &str| (code, format!("Sun, 06 Nov 1994 {time} GMT"));
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let none = format!("{leases}/none");
    assert_eq!(answer(leases).await, at(200, "08:49:37"));
    assert_eq!(answer(&none).await, at(404, "08:49:37"));
    tokio::time::sleep(LONG + Duration::from_millis(200)).await;
    assert_eq!(answer("/nothing").await, at(404, "09:49:38"));
    assert_eq!(answer(&format!("{leases}?watch=true")).await, at(200, "09:49:38"));
    for (fault, code) in [(Fault::status(503), 503), (Fault::html(502), 502), (Fault::half_a_body(), 404)] {
        api.inject(RequestMatcher::any().times(1), fault);
        assert_eq!(answer(&none).await, at(code, "09:49:38"));
    }
    // The time at which the answer is sent, not at which the request arrived.
    api.inject(RequestMatcher::any().times(1), Fault::none().slow_answer(Duration::from_secs(10)));
    assert_eq!(answer(&none).await, at(404, "09:49:48"));
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Moment {
        ServerClock.now()
    }

    fn wall(&self) -> WallTime {
        EXAMPLE
    }
}

/// The HTTP server must not add a second `Date`: its clock is the machine's, not the test's.
#[tokio::test]
async fn answers_over_tcp_are_dated_once() {
    let api = EmbeddedApi::with(Settings::default().clock(Stopped));
    let server = api.serve(([127, 0, 0, 1], 0)).await.expect("served");
    let client = kube::Client::try_from(kube::Config::new(server.url().parse().expect("a url"))).expect("a client");
    let request = http::Request::get("/version").body(kube::client::Body::empty()).expect("a request");
    let response = client.send(request).await.expect("an answer");
    let dates: Vec<_> = response.headers().get_all("date").iter().collect();
    assert_eq!(dates, ["Sun, 06 Nov 1994 08:49:37 GMT"]);
}
