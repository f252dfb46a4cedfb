//! Keeps one sign of leadership: shows it while this process leads, and removes it afterwards.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::problem::TrafficProblem;
use crate::elector::log::ElectionLog;
use lease_protocol::election::FencingToken;

/// The pauses after an attempt that failed: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// While it leads, this process looks after so long whether its sign is still there: somebody may have changed the Service, or removed
/// what was written. A request whose answer was lost may take effect late, so a removal is repeated after as long.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How often a removal is tried that no election waits for any more.
const FAREWELL_ATTEMPTS: u32 = 20;

/// Something that shows in the cluster that this process leads.
pub(super) trait Sign: Send + 'static {
    /// Its name in the log.
    const NAME: &'static str;

    /// It may be there before anything was shown: an earlier process of this pod may have left it.
    const MAY_BE_LEFT: bool;

    /// Shows it. Sends nothing more if `goal` has changed.
    fn show(&mut self, token: FencingToken, goal: &Goal) -> impl Future<Output = Result<(), TrafficProblem>> + Send;

    /// Removes it. Does nothing if it is known not to be there.
    fn hide(&mut self) -> impl Future<Output = Result<(), TrafficProblem>> + Send;

    /// It was removed, but a request that shows it may still be on its way: the removal is repeated.
    fn may_come_back(&self) -> bool;
}

/// What is wanted: the token of the term, or nothing to be shown. Only the newest counts.
pub(super) struct Goal(watch::Receiver<Option<FencingToken>>);

impl Goal {
    /// It is not what it was.
    pub(super) fn has_changed(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }
}

/// The handle on a keeper.
pub(super) struct Keeper {
    wanted: watch::Sender<Option<FencingToken>>,
    seen: watch::Receiver<KeeperState>,
}

#[derive(Clone, Default)]
struct KeeperState {
    /// The sign is not known to be hidden.
    may_show: bool,
    /// The sign is hidden, and the removal is to be repeated.
    may_come_back: bool,
    problem: Option<Arc<str>>,
}

impl Keeper {
    pub(super) fn want(&self, token: Option<FencingToken>) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, token) != token);
    }

    pub(super) fn problem(&self) -> Option<Arc<str>> {
        self.seen.borrow().problem.clone()
    }

    /// Nothing is wanted, nothing is shown, and nothing is to be removed once more. Until then it must stay the only keeper of its sign:
    /// its next removal would undo the work of another one.
    pub(super) fn is_at_rest(&self) -> bool {
        let KeeperState { may_show, may_come_back, .. } = *self.seen.borrow();
        self.wanted.borrow().is_none() && !may_show && !may_come_back
    }

    /// Resolves when the sign is hidden. An error means that its task is gone. Cancel safe.
    pub(super) async fn hidden(&self) {
        let _ = self.seen.clone().wait_for(|state| !state.may_show).await;
    }
}

/// A keeper, and its work, which ends when the handle is dropped and the sign is hidden.
pub(super) fn keeper<S: Sign>(sign: S, log: ElectionLog) -> (Keeper, impl Future<Output = ()> + Send) {
    let (wanted, goal) = watch::channel(None);
    let (state, seen) = watch::channel(KeeperState { may_show: S::MAY_BE_LEFT, ..KeeperState::default() });
    let keeping = Keeping { sign, goal: Goal(goal), state, log, said: Vec::new(), pause: PAUSES.0 };
    (Keeper { wanted, seen }, keeping.run())
}

struct Keeping<S> {
    sign: S,
    goal: Goal,
    state: watch::Sender<KeeperState>,
    log: ElectionLog,
    /// The kinds of problems that were logged since it last worked.
    said: Vec<&'static str>,
    pause: Duration,
}

impl<S: Sign> Keeping<S> {
    async fn run(mut self) {
        let mut attempts_left = FAREWELL_ATTEMPTS;
        loop {
            let is_alone = self.goal.0.has_changed().is_err();
            let token = (*self.goal.0.borrow_and_update()).filter(|_| !is_alone);
            let done = match token {
                Some(token) => {
                    // Before the first request: a request whose answer is lost may show it.
                    self.state.send_if_modified(|state| !std::mem::replace(&mut state.may_show, true));
                    self.sign.show(token, &self.goal).await
                }
                None => self.sign.hide().await,
            };
            let is_done = done.is_ok();
            let again = self.note(done, token);
            if is_alone {
                attempts_left = attempts_left.saturating_sub(1);
                if attempts_left == 0 || (is_done && again.is_none()) {
                    return;
                }
            }
            self.wait(again, is_alone).await;
        }
    }

    /// Reports how an attempt has ended. Returns when to try again if nothing changes.
    fn note(&mut self, done: Result<(), TrafficProblem>, token: Option<FencingToken>) -> Option<Duration> {
        let problem = match done {
            Ok(()) if token.is_some() && self.goal.has_changed() => return None,
            Ok(()) => None,
            Err(problem) => Some(problem),
        };
        let Some(problem) = problem else {
            self.pause = PAUSES.0;
            if !std::mem::take(&mut self.said).is_empty() {
                self.log.traffic_over(S::NAME);
            }
            let may_come_back = token.is_none() && self.sign.may_come_back();
            self.state.send_replace(KeeperState { may_show: token.is_some(), may_come_back, problem: None });
            return (token.is_some() || may_come_back).then_some(LOOK_AGAIN);
        };
        let is_new = !self.said.contains(&problem.kind());
        if is_new {
            self.said.push(problem.kind());
        }
        let text = problem.to_string();
        self.log.traffic_problem(S::NAME, &text, is_new);
        self.state.send_modify(|state| state.problem = Some(text.into()));
        let pause = self.pause;
        self.pause = (2 * pause).min(PAUSES.1);
        Some(pause)
    }

    /// Waits until something else is wanted, or until the next attempt.
    async fn wait(&mut self, again: Option<Duration>, is_alone: bool) {
        let pause = async {
            match again {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.goal.0.changed(), if !is_alone => self.pause = PAUSES.0,
            () = pause => {}
        }
    }
}
