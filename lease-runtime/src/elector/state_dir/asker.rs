//! Asks after the holders of all leases of a candidate.
//!
//! A look at a file is a few system calls on a local file system. They take microseconds, and nothing promises that: the disk may hang.
//! The thread of the elections also renews, so it must not wait for them. A thread for blocking calls asks, one look at a time for all
//! leases together, and none is made while nobody waits for a holder that may still turn out to be dead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::StateDir;
use super::answer::Answer;

/// How often a holder is asked after.
const PAUSE: Duration = Duration::from_millis(100);

/// How many answers are remembered. One that was forgotten is found again.
const REMEMBERED: usize = 64;

/// Asks after holders. A cheap handle.
#[derive(Clone)]
pub(in crate::elector) struct Asker(Arc<Shared>);

struct Shared {
    state_dir: StateDir,
    questions: Mutex<Questions>,
    /// Changes when somebody was found dead.
    found: watch::Sender<()>,
}

#[derive(Default)]
struct Questions {
    /// How many elections ask after an identity.
    asked: BTreeMap<Arc<str>, usize>,
    /// The answers that stay true, oldest first.
    answers: VecDeque<(Arc<str>, Final)>,
    /// Somebody is asking.
    running: bool,
}

/// An answer that stays true: nobody asks again.
#[derive(Clone, Copy)]
enum Final {
    Follow,
    Wait {
        in_a_row: u8,
    },
    /// There is no file of this identity, or none that proves anything, and there will be none.
    Nothing,
}

/// A holder was found dead.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::elector) enum FoundDead {
    /// This process may take its lease at once.
    Follow(Arc<str>),
    /// The holder and those before it died soon after they had taken the lease from each other: this process waits like all others.
    Wait { identity: Arc<str>, in_a_row: u8 },
}

impl Asker {
    pub(in crate::elector) fn new(state_dir: StateDir) -> Asker {
        Asker(Arc::new(Shared { state_dir, questions: Mutex::default(), found: watch::Sender::new(()) }))
    }

    #[cfg(all(test, target_os = "linux", feature = "embedded"))]
    pub(in crate::elector) fn state_dir(&self) -> &StateDir {
        &self.0.state_dir
    }

    /// The questions of one election.
    pub(in crate::elector) fn inquire(&self) -> Inquiry {
        Inquiry { asker: self.clone(), identity: None, is_told: false, found: self.0.found.subscribe() }
    }
}

impl Shared {
    fn questions(&self) -> MutexGuard<'_, Questions> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until no question is open.
    async fn run(self: Arc<Self>) {
        loop {
            let open = self.questions().open();
            if open.is_empty() {
                return;
            }
            let Some(answers) = self.look_at(open).await else {
                // The runtime ends. Or it has panicked, which would be a bug: the elections then wait until the leases have run out.
                return;
            };
            let mut is_news = false;
            for (answer, identity) in answers {
                let Some(answer) = answer else { continue };
                is_news |= !matches!(answer, Final::Nothing);
                self.questions().settle(identity, answer);
            }
            if is_news {
                self.found.send_replace(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look_at(self: &Arc<Self>, open: Vec<Arc<str>>) -> Option<Vec<(Option<Final>, Arc<str>)>> {
        let asking = Arc::clone(self);
        let look = move || open.into_iter().map(|identity| (asking.look(&identity), identity)).collect();
        if self.state_dir.blocks() { tokio::task::spawn_blocking(look).await.ok() } else { Some(look()) }
    }

    /// `None`: ask again.
    fn look(&self, identity: &str) -> Option<Final> {
        match self.state_dir.ask(identity) {
            Answer::Dead { in_a_row } if self.state_dir.follows(in_a_row) => Some(Final::Follow),
            Answer::Dead { in_a_row } => Some(Final::Wait { in_a_row }),
            Answer::Unknown => Some(Final::Nothing),
            Answer::Alive => None,
            Answer::Unclear(cause) => {
                tracing::debug!(target: "lease_runtime", cause = %cause, "the state directory could not be read");
                None
            }
        }
    }
}

impl Questions {
    /// The questions without an answer. If each has one, the asker ends.
    fn open(&mut self) -> Vec<Arc<str>> {
        let open: Vec<_> =
            self.asked.keys().filter(|identity| self.answer(identity).is_none()).map(Arc::clone).collect();
        self.running = !open.is_empty();
        open
    }

    fn answer(&self, identity: &str) -> Option<Final> {
        self.answers.iter().find(|(of, _)| &**of == identity).map(|(_, answer)| *answer)
    }

    fn settle(&mut self, identity: Arc<str>, answer: Final) {
        // Those that are asked after stay. There are no more of them than leases.
        while self.answers.len() >= REMEMBERED
            && let Some(place) = self.answers.iter().position(|(of, _)| !self.asked.contains_key(of))
        {
            self.answers.remove(place);
        }
        self.answers.push_back((identity, answer));
    }

    fn forget(&mut self, identity: &str) {
        if let Some(count) = self.asked.get_mut(identity) {
            *count -= 1;
            if *count == 0 {
                self.asked.remove(identity);
            }
        }
    }
}

/// The questions of one election: it asks after one holder at a time.
pub(in crate::elector) struct Inquiry {
    asker: Asker,
    identity: Option<Arc<str>>,
    is_told: bool,
    found: watch::Receiver<()>,
}

impl Inquiry {
    pub(in crate::elector) fn state_dir(&self) -> &StateDir {
        &self.asker.0.state_dir
    }

    /// Asks after this holder from now on, and not after the one before it. Call it on the runtime of the elections.
    pub(in crate::elector) fn ask_after(&mut self, holder: Option<&str>) {
        if self.identity.as_deref() == holder {
            return;
        }
        let mut questions = self.asker.0.questions();
        if let Some(before) = self.identity.take() {
            questions.forget(&before);
        }
        self.is_told = false;
        let Some(holder) = holder else { return };
        let holder: Arc<str> = holder.into();
        *questions.asked.entry(Arc::clone(&holder)).or_default() += 1;
        self.identity = Some(holder);
        if !questions.running && !questions.open().is_empty() {
            drop(tokio::spawn(Arc::clone(&self.asker.0).run()));
        }
    }

    /// What is found about the holder, once. Cancel safe.
    pub(in crate::elector) async fn found(&mut self) -> FoundDead {
        loop {
            self.found.mark_unchanged();
            if let Some(found) = self.news() {
                return found;
            }
            if self.found.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn news(&mut self) -> Option<FoundDead> {
        let identity = self.identity.clone().filter(|_| !self.is_told)?;
        let found = match self.asker.0.questions().answer(&identity)? {
            Final::Follow => FoundDead::Follow(identity),
            Final::Wait { in_a_row } => FoundDead::Wait { identity, in_a_row },
            Final::Nothing => return None,
        };
        self.is_told = true;
        Some(found)
    }
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        self.ask_after(None);
    }
}
