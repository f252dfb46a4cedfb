//! Faults that tests inject: which requests they strike, and what happens to those.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::call::{RecordedRequest, Verb};
use super::status::Failure;

/// What goes wrong with a request.
///
/// A fault has three parts: how long the request takes to arrive, whether it takes effect, and what the caller receives.
/// The constructors set the usual combinations. The methods change one part each:
///
/// ```
/// use std::time::Duration;
/// use lease_embedded::Fault;
///
/// // Refused.
/// Fault::status(503);
/// // Takes effect, and the caller receives a timeout.
/// Fault::status(504).after_commit();
/// // Takes effect two seconds from now, even if the caller has given up, and no answer is sent.
/// Fault::lost_answer().late(Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    pub(crate) before: Duration,
    /// Whether the request still takes effect after the delay if the caller has given up.
    pub(crate) unattended: bool,
    pub(crate) commit: bool,
    pub(crate) after: Duration,
    pub(crate) answer: Answer,
}

/// What the caller receives.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The real answer.
    Real,
    /// Nothing. The connection stays open.
    Never,
    /// The connection closes.
    Dropped,
    /// Half of the real answer, then the connection closes.
    Half,
    Status(Failure),
    Raw(u16, String, Bytes),
}

impl Fault {
    fn new(commit: bool, answer: Answer) -> Fault {
        Fault { before: Duration::ZERO, unattended: false, commit, after: Duration::ZERO, answer }
    }

    /// No fault. The start for methods such as [`delayed`](Fault::delayed).
    pub fn none() -> Fault {
        Fault::new(true, Answer::Real)
    }

    /// The request vanishes: no effect, no answer, the connection stays open.
    pub fn hang() -> Fault {
        Fault::new(false, Answer::Never)
    }

    /// The request takes effect, the answer vanishes, the connection stays open.
    pub fn lost_answer() -> Fault {
        Fault::new(true, Answer::Never)
    }

    /// The connection closes before the request takes effect.
    pub fn drop_connection() -> Fault {
        Fault::new(false, Answer::Dropped)
    }

    /// The request takes effect and the connection closes in the middle of the answer.
    pub fn half_a_body() -> Fault {
        Fault::new(true, Answer::Half)
    }

    /// Refused with this code and the `Status` that goes with it: 401, 403, 404, 409, 410, 422, 429, 500, 503, 504 and so
    /// on. A 403 names the caller, the verb and the resource as the real server does.
    pub fn status(code: u16) -> Fault {
        Fault::new(false, Answer::Status(Failure::of_code(code)))
    }

    /// An answer that is not from the API, but for example from a proxy: any code, content type and bytes.
    pub fn body(code: u16, content_type: &str, body: impl Into<Bytes>) -> Fault {
        Fault::new(false, Answer::Raw(code, content_type.to_owned(), body.into()))
    }

    /// A proxy's error page.
    pub fn html(code: u16) -> Fault {
        Fault::body(code, "text/html", format!("<html><body><h1>{code}</h1></body></html>"))
    }

    /// The request takes effect before the fault strikes.
    pub fn after_commit(mut self) -> Fault {
        self.commit = true;
        self
    }

    /// The request arrives after `delay`. It does not arrive if the caller has given up before.
    pub fn delayed(mut self, delay: Duration) -> Fault {
        (self.before, self.unattended) = (delay, false);
        self
    }

    /// The request arrives after `delay`, and takes effect even if the caller has given up before, like a packet that the
    /// network has delayed.
    pub fn late(mut self, delay: Duration) -> Fault {
        (self.before, self.unattended) = (delay, true);
        self
    }

    /// The answer is sent `delay` after the request took effect.
    pub fn slow_answer(mut self, delay: Duration) -> Fault {
        self.after = delay;
        self
    }

    /// Sets the `Retry-After` of a [`status`](Fault::status), in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Fault {
        if let Answer::Status(failure) = self.answer {
            self.answer = Answer::Status(failure.retry_after(seconds));
        }
        self
    }

    /// Sets the message of a [`status`](Fault::status).
    pub fn message(mut self, message: &str) -> Fault {
        if let Answer::Status(failure) = &mut self.answer {
            message.clone_into(&mut failure.message);
        }
        self
    }

    /// Sets the reason of a [`status`](Fault::status), as in `Expired`.
    pub fn reason(mut self, reason: &str) -> Fault {
        if let Answer::Status(failure) = &mut self.answer {
            reason.clone_into(&mut failure.reason);
        }
        self
    }
}

type Predicate = Arc<dyn Fn(&RecordedRequest) -> bool + Send + Sync>;

/// Which requests a fault strikes. A request must meet all conditions.
///
/// ```
/// use lease_embedded::{RequestMatcher, Verb};
///
/// // The second and third renewal of `ledger` by `pod-a`.
/// RequestMatcher::verb(Verb::Update).name("ledger").caller("pod-a").skip(1).times(2);
/// // Releases.
/// RequestMatcher::matching(|call| call.holder() == Some(""));
/// ```
#[derive(Clone, Default)]
#[must_use = "a condition does nothing until a fault is injected with it"]
pub struct RequestMatcher {
    verbs: Vec<Verb>,
    resource: Option<String>,
    name: Option<String>,
    caller: Option<String>,
    predicates: Vec<Predicate>,
    skip: usize,
    times: Option<usize>,
}

impl RequestMatcher {
    /// Every request, also those for discovery and Events.
    pub fn any() -> RequestMatcher {
        RequestMatcher::default()
    }

    /// Requests of this verb.
    pub fn verb(verb: Verb) -> RequestMatcher {
        RequestMatcher { verbs: vec![verb], ..RequestMatcher::default() }
    }

    /// Requests about Leases.
    pub fn leases() -> RequestMatcher {
        RequestMatcher { resource: Some("leases".to_owned()), ..RequestMatcher::default() }
    }

    /// Requests about Events.
    pub fn events() -> RequestMatcher {
        RequestMatcher { resource: Some("events".to_owned()), ..RequestMatcher::default() }
    }

    /// Requests that can change something.
    pub fn writes() -> RequestMatcher {
        RequestMatcher::matching(|call| call.verb.is_write())
    }

    /// Requests for which `predicate` returns `true`. It may be called for any request at any time, and must not block.
    pub fn matching(predicate: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static) -> RequestMatcher {
        RequestMatcher::any().and(predicate)
    }

    /// Also requests of this verb.
    pub fn or(mut self, verb: Verb) -> RequestMatcher {
        self.verbs.push(verb);
        self
    }

    /// Only requests about this resource, as in `events`.
    pub fn resource(mut self, plural: &str) -> RequestMatcher {
        self.resource = Some(plural.to_owned());
        self
    }

    /// Only requests about the object of this name.
    pub fn name(mut self, name: &str) -> RequestMatcher {
        self.name = Some(name.to_owned());
        self
    }

    /// Only requests of this [caller](RecordedRequest::caller).
    pub fn caller(mut self, caller: &str) -> RequestMatcher {
        self.caller = Some(caller.to_owned());
        self
    }

    /// Only requests for which `predicate` also returns `true`.
    pub fn and(mut self, predicate: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static) -> RequestMatcher {
        self.predicates.push(Arc::new(predicate));
        self
    }

    /// Does not strike the first `count` matching requests.
    pub fn skip(mut self, count: usize) -> RequestMatcher {
        self.skip = count;
        self
    }

    /// Strikes this many matching requests, and no later ones.
    pub fn times(mut self, count: usize) -> RequestMatcher {
        self.times = Some(count);
        self
    }

    /// Whether a request meets the conditions, apart from [`skip`](RequestMatcher::skip) and [`times`](RequestMatcher::times).
    pub fn matches(&self, call: &RecordedRequest) -> bool {
        (self.verbs.is_empty() || self.verbs.contains(&call.verb))
            && self.resource.as_ref().is_none_or(|resource| resource == call.resource)
            && self.name.as_ref().is_none_or(|name| Some(name) == call.name.as_ref())
            && self.caller.as_ref().is_none_or(|caller| *caller == call.caller)
            && self.predicates.iter().all(|predicate| predicate(call))
    }
}

impl fmt::Debug for RequestMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestMatcher")
            .field("verbs", &self.verbs)
            .field("resource", &self.resource)
            .field("name", &self.name)
            .field("caller", &self.caller)
            .field("predicates", &self.predicates.len())
            .field("skip", &self.skip)
            .field("times", &self.times)
            .finish()
    }
}

type Choice = Box<dyn Fn(&RecordedRequest) -> Option<Fault> + Send + Sync>;

struct Rule {
    choose: Choice,
    hits: watch::Sender<usize>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({} hits)", *self.hits.borrow())
    }
}

/// The rules in force.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Mutex<Vec<Arc<Rule>>>,
    policy: Mutex<Option<Policy>>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A mutating admission policy: it changes an object that is about to be written.
type Policy = Arc<dyn Fn(&RecordedRequest, &mut Value) + Send + Sync>;

impl Faults {
    pub(crate) fn mutating(&self, policy: Option<Policy>) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// The body of a request after the policy has changed it. `None` if no policy changes it.
    pub(crate) fn mutated(&self, call: &RecordedRequest) -> Option<Bytes> {
        let policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        if !matches!(call.verb, Verb::Create | Verb::Update) {
            return None;
        }
        let mut object = call.body.clone();
        policy(call, &mut object);
        (object != call.body).then(|| object.to_string().into())
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Rule>>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn when(self: &Arc<Faults>, when: RequestMatcher, fault: Fault) -> Injection {
        let seen = Mutex::new(0_usize);
        self.choosing(move |call| {
            if !when.matches(call) {
                return None;
            }
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let number = *seen;
            *seen += 1;
            let strikes = number >= when.skip && when.times.is_none_or(|times| number - when.skip < times);
            strikes.then(|| fault.clone())
        })
    }

    pub(crate) fn choosing(
        self: &Arc<Faults>,
        choose: impl Fn(&RecordedRequest) -> Option<Fault> + Send + Sync + 'static,
    ) -> Injection {
        let rule = Arc::new(Rule { choose: Box::new(choose), hits: watch::Sender::new(0) });
        self.rules().push(rule.clone());
        Injection { faults: self.clone(), rule }
    }

    pub(crate) fn clear(&self) {
        self.rules().clear();
    }

    /// The fault for this request. The latest rule that has one decides.
    pub(crate) fn for_call(&self, call: &RecordedRequest) -> Option<Fault> {
        // The rules are code of the caller. They run without the lock, so that they may call this API.
        let rules = self.rules().clone();
        rules.iter().rev().find_map(|rule| {
            let fault = (rule.choose)(call)?;
            rule.hits.send_modify(|hits| *hits += 1);
            Some(fault)
        })
    }
}

/// A rule in force. Dropping this leaves the rule in force.
#[derive(Debug)]
pub struct Injection {
    faults: Arc<Faults>,
    rule: Arc<Rule>,
}

impl Injection {
    /// How many requests the rule has struck.
    pub fn hits(&self) -> usize {
        *self.rule.hits.borrow()
    }

    /// Returns when the rule has struck at least `count` requests. Cancel safe.
    pub async fn hit(&self, count: usize) {
        let mut hits = self.rule.hits.subscribe();
        // The rule that is held here owns the sender, so waiting cannot fail.
        let _ = hits.wait_for(|hits| *hits >= count).await;
    }

    /// Removes the rule. A request that the rule has struck stays struck: if it hangs, it continues to hang.
    pub fn remove(self) {
        self.faults.rules().retain(|rule| !Arc::ptr_eq(rule, &self.rule));
    }
}
