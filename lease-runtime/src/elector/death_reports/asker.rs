//! Asks the API server after the pods of holders that are silent.
//!
//! It is no part of an election: an answer that does not come, or makes no sense, costs the election nothing. Leases
//! whose holder is asked after at the same time share the looks at its pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::problem::PodProblem;
use super::verdict::HolderPod;
use crate::elector::inflight::InFlight;
use crate::elector::log::ElectionLog;
use crate::lease::LeaseId;

/// The pause between two looks at a pod.
const PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks after the pods of holders. A cheap handle.
#[derive(Clone)]
pub(in crate::elector) struct PodAsker(Arc<SharedQuestions>);

struct SharedQuestions {
    client: Client,
    in_flight: Arc<InFlight>,
    /// The holders that are asked after, each with the namespace of its pod.
    questions: Mutex<PodQuestions>,
    /// The kinds of problems that were logged.
    said: Mutex<BTreeSet<&'static str>>,
}

/// What is asked, by namespace and identity.
type PodQuestions = BTreeMap<(Arc<str>, Arc<str>), Weak<Question>>;

/// Somebody is asked after, until this is dropped.
struct Question {
    dead: watch::Receiver<bool>,
    task: AbortHandle,
}

impl Drop for Question {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PodAsker {
    pub(in crate::elector) fn new(client: Client, in_flight: Arc<InFlight>) -> PodAsker {
        PodAsker(Arc::new(SharedQuestions { client, in_flight, questions: Mutex::default(), said: Mutex::default() }))
    }

    /// The questions of one election.
    pub(in crate::elector) fn inquire(&self, lease: &LeaseId, identity: &Arc<str>) -> PodInquiry {
        let (asker, lease, identity) = (self.clone(), lease.clone(), Arc::clone(identity));
        PodInquiry { asker, lease, identity, asked: None, is_told: false }
    }

    /// Call it on the runtime of the elections.
    fn ask(&self, holder: &Arc<str>, pod: HolderPod, log: ElectionLog) -> Arc<Question> {
        let namespace = Arc::clone(&log.lease().namespace);
        let key = (Arc::clone(&namespace), Arc::clone(holder));
        let mut questions = locked(&self.0.questions);
        if let Some(question) = questions.get(&key).and_then(Weak::upgrade) {
            return question;
        }
        questions.retain(|_, question| question.strong_count() > 0);
        let (found, dead) = watch::channel(false);
        let asker = self.clone();
        let asking = async move {
            asker.until_dead(&namespace, &pod, &log).await;
            found.send_replace(true);
        };
        let question = Arc::new(Question { dead, task: tokio::spawn(asking).abort_handle() });
        questions.insert(key, Arc::downgrade(&question));
        question
    }

    /// Asks until the pod proves that the process is dead.
    async fn until_dead(&self, namespace: &str, holder: &HolderPod, log: &ElectionLog) {
        loop {
            match self.look(namespace, &holder.name).await {
                Ok(pod) if holder.is_dead_in(&pod) => return,
                Ok(_) => {}
                Err(problem) => {
                    if locked(&self.0.said).insert(problem.kind()) {
                        log.no_death_report(problem.to_string());
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(&self, namespace: &str, name: &str) -> Result<DynamicObject, PodProblem> {
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Pod"), "pods");
        let pods: Api<DynamicObject> = Api::namespaced_with(self.0.client.clone(), namespace, &resource);
        let answer = async {
            let _turn = self.0.in_flight.turn_of_traffic().await;
            pods.get(name).await
        };
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(answer) => answer.map_err(|error| PodProblem::of(&error, namespace, name)),
            Err(_) => Err(PodProblem::NoAnswer { after: DEADLINE }),
        }
    }
}

/// The questions of one election: it asks after one holder at a time.
pub(in crate::elector) struct PodInquiry {
    asker: PodAsker,
    lease: LeaseId,
    /// The identity of this process, for the log.
    identity: Arc<str>,
    /// The question is `None` if the identity names no pod.
    asked: Option<(Arc<str>, Option<Arc<Question>>)>,
    is_told: bool,
}

impl PodInquiry {
    /// Asks after this holder from now on, and not after the one before it. Call it on the runtime of the elections.
    pub(in crate::elector) fn ask_after(&mut self, holder: Option<&str>) {
        if self.asked.as_ref().map(|(identity, _)| &**identity) == holder {
            return;
        }
        self.is_told = false;
        self.asked = holder.map(|holder| {
            let holder: Arc<str> = holder.into();
            let log = || ElectionLog::new(self.lease.clone(), Arc::clone(&self.identity));
            let question = HolderPod::of(&holder).map(|pod| self.asker.ask(&holder, pod, log()));
            (holder, question)
        });
    }

    /// The holder that was found dead, once. Cancel safe.
    pub(in crate::elector) async fn found(&mut self) -> Arc<str> {
        let asked = match &self.asked {
            Some((holder, Some(question))) if !self.is_told => Some((Arc::clone(holder), question.dead.clone())),
            _ => None,
        };
        if let Some((holder, mut dead)) = asked {
            // An error means that the task is gone: with its runtime, or by a bug. The lease is then waited for.
            if dead.wait_for(|dead| *dead).await.is_ok() {
                self.is_told = true;
                return holder;
            }
        }
        std::future::pending().await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
