//! When credentials are fetched, in virtual time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::clock::{Moment, TokioClock};
use crate::elector::tests::log::Lines;

/// A source that a test controls. It notes when it is called.
#[derive(Clone)]
struct Script {
    clock: TokioClock,
    /// When each fetch began.
    began: Arc<Mutex<Vec<Moment>>>,
    running: Arc<AtomicUsize>,
    takes: Arc<Mutex<Duration>>,
    fails: Arc<Mutex<bool>>,
    lasts: Option<Duration>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CredentialSource for Script {
    async fn fetch(&mut self) -> Result<FetchedCredentials, ElectorError> {
        self.began.lock().unwrap().push(self.clock.now());
        assert_eq!(self.running.fetch_add(1, Ordering::Relaxed), 0, "two at once");
        let _running = Running(Arc::clone(&self.running));
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        if *self.fails.lock().unwrap() {
            return Err(failure("ended with exit code 1"));
        }
        let header = HeaderValue::from_str(&format!("Bearer {}", self.began.lock().unwrap().len())).ok();
        let until = self.lasts.map(|lasts| self.clock.wall().plus(lasts));
        Ok(FetchedCredentials { header, until, ..FetchedCredentials::default() })
    }

    fn hangs(&self, limit: Duration) -> ElectorError {
        failure(&format!("did not end within {limit:?}"))
    }
}

fn failure(reason: &str) -> ElectorError {
    ElectorError::Plugin { command: "p".into(), reason: reason.into(), remedy: "r".into() }
}

impl Script {
    fn new(takes: u64, lasts: Option<u64>) -> Script {
        Script {
            clock: TokioClock::starting_at(WallTime(1_700_000_000_000_000)),
            began: Arc::default(),
            running: Arc::default(),
            takes: Arc::new(Mutex::new(Duration::from_secs(takes))),
            fails: Arc::default(),
            lasts: lasts.map(Duration::from_secs),
        }
    }

    /// Seconds between the beginnings of fetches.
    fn pauses(&self) -> Vec<u64> {
        let began = self.began.lock().unwrap();
        began.windows(2).map(|two| two[1].since(two[0]).as_secs()).collect()
    }

    fn start(&self) -> (watch::Receiver<CredentialState>, Arc<Notify>) {
        let (state, receiver) = watch::channel(CredentialState::default());
        let refused = Arc::new(Notify::new());
        let (source, hears) = (self.clone(), Arc::clone(&refused));
        tokio::spawn(async move {
            let clock = source.clock;
            keep(source, state, &hears, &clock).await;
        });
        (receiver, refused)
    }
}

async fn secs(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn valid(state: &watch::Receiver<CredentialState>, clock: &TokioClock) -> bool {
    state.borrow().held.as_ref().is_some_and(|held| held.until.is_none_or(|until| clock.wall() < until))
}

#[tokio::test(start_paused = true)]
async fn a_slow_fetch_begins_early_enough_to_always_have_credentials() {
    // How long a fetch takes, how long credentials are valid, and when they are renewed at the latest.
    for (takes, lasts, begins) in [(4, 80, 40), (30, 80, 40), (1, 900, 675), (60, 3600, 2700), (0, 12, 10)] {
        let script = Script::new(takes, Some(lasts));
        let (mut state, _refused) = script.start();
        state.changed().await.unwrap();
        for _ in 0..4 * lasts {
            secs(1).await;
            assert!(valid(&state, &script.clock), "takes {takes} s, lasts {lasts} s");
        }
        for pause in script.pauses() {
            assert!((begins + takes).abs_diff(pause) <= 1, "takes {takes} s, lasts {lasts} s: {pause} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_pauses_after_failures_grow_to_a_minute() {
    let script = Script::new(0, Some(80));
    let (mut state, refused) = script.start();
    state.changed().await.unwrap();
    *script.fails.lock().unwrap() = true;
    for _ in 0..600 {
        secs(1).await;
        // A refusal by the API server does not make the fetches more frequent.
        refused.notify_one();
    }
    let pauses = script.pauses();
    let [_, rest @ ..] = &*pauses else { panic!("{pauses:?}") };
    assert!(rest.starts_with(&[2, 4, 8, 16, 32, 60, 60, 60]), "{pauses:?}");
    assert!(state.borrow().failure.is_some() && state.borrow().held.is_some());
    *script.fails.lock().unwrap() = false;
    secs(61).await;
    assert!(state.borrow().failure.is_none() && valid(&state, &script.clock));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_is_given_up() {
    let script = Script::new(100_000, None);
    let (mut state, _refused) = script.start();
    state.changed().await.unwrap();
    assert!(state.borrow().failure.as_ref().unwrap().to_string().contains("did not end within 120s"));
    *script.takes.lock().unwrap() = Duration::ZERO;
    secs(3).await;
    assert!(valid(&state, &script.clock));
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_fetched_again_but_not_all_the_time() {
    let script = Script::new(0, None);
    let (mut state, refused) = script.start();
    state.changed().await.unwrap();
    secs(100_000).await;
    assert_eq!(script.began.lock().unwrap().len(), 1);
    refused.notify_one();
    secs(1).await;
    assert_eq!(script.began.lock().unwrap().len(), 2);
    for _ in 0..100 {
        refused.notify_one();
        secs(1).await;
    }
    let count = script.began.lock().unwrap().len();
    assert!((10..=13).contains(&count), "{count}");
}

/// A log may block forever, like a pipe that nobody reads. The credentials must still be renewed.
#[test]
fn log_lines_about_credentials_are_written_by_another_thread() {
    struct Says(std::sync::mpsc::Sender<Option<String>>);

    impl CredentialSource for Says {
        async fn fetch(&mut self) -> Result<FetchedCredentials, ElectorError> {
            let sender = self.0.clone();
            say(Level::INFO, move || sender.send(std::thread::current().name().map(str::to_owned)).unwrap());
            Ok(FetchedCredentials::default())
        }

        fn hangs(&self, _: Duration) -> ElectorError {
            failure("hangs")
        }
    }

    let (sender, receiver) = std::sync::mpsc::channel();
    let credentials = start(Says(sender), Arc::new(crate::clock::SystemClock)).unwrap();
    assert_eq!(receiver.recv().unwrap().as_deref(), Some("lease-log"));
    drop(credentials);
}

#[tokio::test(start_paused = true)]
async fn credentials_are_stored_before_they_are_logged() {
    let (script, lines) = (Script::new(0, Some(80)), Lines::default());
    let (mut state, _refused) = script.start();
    state.changed().await.unwrap();
    *script.fails.lock().unwrap() = true;
    let (seen, here) = (state.clone(), std::rc::Rc::new(std::cell::Cell::new(0)));
    let count = std::rc::Rc::clone(&here);
    let _capture = lines.capture_and(move |line| {
        let as_said = seen.borrow().failure.is_some() == line.contains("cannot be renewed");
        count.set(count.get() + i32::from(as_said));
    });
    secs(60).await;
    *script.fails.lock().unwrap() = false;
    secs(61).await;
    assert_eq!(lines.matching(&["renewed"]), 2, "{lines:?}");
    assert_eq!(here.get(), 2);
}

/// For a clock that is far ahead, all credentials have expired.
#[tokio::test(start_paused = true)]
async fn new_credentials_are_used_even_if_they_seem_expired() {
    let script = Script::new(0, Some(0));
    let (mut state, _refused) = script.start();
    state.changed().await.unwrap();
    for _ in 0..600 {
        secs(1).await;
        assert!(valid(&state, &script.clock));
    }
    assert!(script.pauses().iter().all(|pause| *pause == 60), "{:?}", script.pauses());
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_receiver() {
    for takes in [100_000, 0] {
        let script = Script::new(takes, Some(80));
        let (state, _refused) = script.start();
        secs(10).await;
        drop(state);
        secs(1).await;
        assert_eq!(script.running.load(Ordering::Relaxed), 0);
        let count = script.began.lock().unwrap().len();
        secs(1000).await;
        assert_eq!(script.began.lock().unwrap().len(), count);
    }
}
