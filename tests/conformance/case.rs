//! The parts of a case: requests in a namespace that only this case uses, and checks that return what they wanted.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::Method;
use lease_tests::api::{ApiError, Ask, Http, Lines, Reply};
use serde_json::{Value, json};

/// The result of a case. The error is a difference between what it wants and what the server does.
pub(crate) type Outcome = Result<(), String>;

/// One case.
pub(crate) struct Case {
    /// What the API does, as a sentence.
    pub(crate) name: &'static str,
    pub(crate) run: fn(Test) -> Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// Defines a chapter of the table of cases.
#[macro_export]
macro_rules! cases {
    ($($name:literal => |$test:ident| $body:block)*) => {
        pub(crate) const CASES: &[$crate::case::Case] = &[
            $($crate::case::Case {
                name: $name,
                run: |$test| Box::pin(async move { $crate::case::Done::done($body) }),
            },)*
        ];
    };
}

/// The beginning of an error that is not a difference: the server cannot show this case.
pub(crate) const NOT_APPLICABLE: &str = "not applicable: ";

/// The error of a case that this server cannot show.
pub(crate) fn not_applicable(why: &str) -> String {
    format!("{NOT_APPLICABLE}{why}")
}

/// The types that the last expression of a case may have.
pub(crate) trait Done {
    fn done(self) -> Outcome;
}

impl Done for () {
    fn done(self) -> Outcome {
        Ok(())
    }
}

impl<T> Done for Result<T, String> {
    fn done(self) -> Outcome {
        self.map(drop)
    }
}

/// The server under test, and a namespace that only this case uses.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) http: Http,
    pub(crate) namespace: String,
}

/// A valid lease.
pub(crate) fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name },
        "spec": {
            "holderIdentity": "a",
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-11-22T15:00:00.000001Z",
            "renewTime": "2026-11-22T15:00:00.000001Z",
            "leaseTransitions": 0,
        },
    })
}

/// `object` with the value at `path` replaced (or added at its parent).
pub(crate) fn with(mut object: Value, path: &str, value: impl Into<Value>) -> Value {
    let (parent, last) = path.rsplit_once('/').expect("a path");
    let mut place = &mut object;
    for part in parent.split('/').skip(1) {
        place = &mut place[part];
    }
    place[last.replace("~1", "/")] = value.into();
    object
}

/// `object` without the value at `path`.
pub(crate) fn without(mut object: Value, path: &str) -> Value {
    let (parent, last) = path.rsplit_once('/').expect("a path");
    if let Some(Value::Object(parent)) = object.pointer_mut(parent) {
        parent.remove(last);
    }
    object
}

impl Test {
    /// The path of the namespace's leases.
    pub(crate) fn leases(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    /// The path of a lease.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.leases())
    }

    pub(crate) async fn send(&self, ask: Ask) -> Result<Reply, String> {
        self.http.send(ask).await.map_err(|error| error.to_string())
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Reply, String> {
        self.read(&self.path(name)).await
    }

    /// `GET` of any path.
    pub(crate) async fn read(&self, path: &str) -> Result<Reply, String> {
        self.send(Ask::new(Method::GET, path)).await
    }

    pub(crate) async fn list(&self, query: &str) -> Result<Reply, String> {
        self.read(&format!("{}?{query}", self.leases())).await
    }

    pub(crate) async fn post(&self, body: &Value) -> Result<Reply, String> {
        self.post_to(&self.leases(), body).await
    }

    pub(crate) async fn post_to(&self, path: &str, body: &Value) -> Result<Reply, String> {
        self.send(Ask::new(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, name: &str, body: &Value) -> Result<Reply, String> {
        self.send(Ask::new(Method::PUT, self.path(name)).json(body)).await
    }

    /// Creates a lease, which must succeed. Returns it as the server stores it.
    pub(crate) async fn create(&self, body: &Value) -> Result<Value, String> {
        Ok(self.post(body).await?.code(201)?.json())
    }

    /// Replaces the lease by `body`, which must succeed.
    pub(crate) async fn replace(&self, body: &Value) -> Result<Value, String> {
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        Ok(self.put(name, body).await?.code(200)?.json())
    }

    pub(crate) async fn merge(&self, name: &str, patch: &Value) -> Result<Reply, String> {
        self.patch(name, "application/merge-patch+json", patch).await
    }

    pub(crate) async fn patch(&self, name_and_query: &str, kind: &str, patch: &Value) -> Result<Reply, String> {
        self.send(Ask::new(Method::PATCH, self.path(name_and_query)).body(kind, patch.to_string())).await
    }

    /// Server-side apply by `manager`. `query` begins with `&` or is empty.
    pub(crate) async fn apply(&self, name: &str, manager: &str, query: &str, body: &Value) -> Result<Reply, String> {
        let place = format!("{name}?fieldManager={manager}{query}");
        self.patch(&place, "application/apply-patch+yaml", body).await
    }

    pub(crate) async fn delete(&self, name: &str, options: Option<Value>) -> Result<Reply, String> {
        let ask = Ask::new(Method::DELETE, self.path(name));
        self.send(match options {
            Some(options) => ask.json(&options),
            None => ask,
        })
        .await
    }

    /// Opens a watch on the namespace's leases.
    pub(crate) async fn watch(&self, query: &str) -> Result<Watch, String> {
        let ask = Ask::new(Method::GET, format!("{}?watch=true&{query}", self.leases()));
        let lines = self.http.stream(ask).await.map_err(|error| error.to_string())?;
        if lines.code != 200 {
            return Err(format!("wanted a watch, got {}", lines.code));
        }
        Ok(Watch { lines })
    }
}

/// An open watch.
pub(crate) struct Watch {
    lines: Lines,
}

impl Watch {
    /// The next event of any kind. `None` at the end.
    pub(crate) async fn any(&mut self) -> Result<Option<Value>, String> {
        self.lines.next(Duration::from_secs(20)).await.map_err(|error| error.to_string())
    }

    /// The object of the next event, which must be of this kind.
    pub(crate) async fn next(&mut self, kind: &str) -> Result<Value, String> {
        match self.any().await? {
            Some(event) if event["type"] == kind => Ok(event["object"].clone()),
            Some(event) => Err(format!("wanted the event {kind}, got {event}")),
            None => Err(format!("wanted the event {kind}, got the end")),
        }
    }

    /// The stream must end now.
    pub(crate) async fn end(&mut self) -> Outcome {
        match self.any().await? {
            None => Ok(()),
            Some(event) => Err(format!("wanted the end, got {event}")),
        }
    }

    /// The next event of any kind, if it arrives within a short time.
    pub(crate) async fn soon(&mut self) -> Result<Option<Value>, String> {
        match self.lines.next(Duration::from_secs(2)).await {
            Ok(event) => Ok(event),
            Err(ApiError::Late) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// For a short time, no event must arrive.
    pub(crate) async fn silence(&mut self) -> Outcome {
        match self.lines.next(Duration::from_millis(300)).await {
            Err(ApiError::Late) => Ok(()),
            other => Err(format!("wanted silence, got {other:?}")),
        }
    }
}

/// Checks of an answer. Each returns the answer.
pub(crate) trait Check: Sized {
    /// The status code.
    fn code(self, wanted: u16) -> Result<Self, String>;
    /// A `Status` with this code and reason. The code must be in the body and in the head.
    fn refused(self, code: u16, reason: &str) -> Result<Self, String>;
    /// The message of a `Status`.
    fn message(self, wanted: &str) -> Result<Self, String>;
    /// Part of the message of a `Status`.
    fn message_has(self, wanted: &str) -> Result<Self, String>;
    /// A value of the body.
    fn is(self, path: &str, wanted: impl Into<Value>) -> Result<Self, String>;
    /// No value in the body.
    fn lacks(self, path: &str) -> Result<Self, String>;
}

impl Check for Reply {
    fn code(self, wanted: u16) -> Result<Reply, String> {
        if self.code == wanted { Ok(self) } else { Err(format!("wanted {wanted}, got {} {}", self.code, self.text())) }
    }

    fn refused(self, code: u16, reason: &str) -> Result<Reply, String> {
        let reply = self.code(code)?.is("/kind", "Status")?.is("/status", "Failure")?.is("/code", code)?;
        reply.is("/apiVersion", "v1")?.is("/reason", reason)
    }

    fn message(self, wanted: &str) -> Result<Reply, String> {
        self.is("/message", wanted)
    }

    fn message_has(self, wanted: &str) -> Result<Reply, String> {
        let body = self.json();
        let found = body["message"].as_str().unwrap_or_default();
        if found.contains(wanted) { Ok(self) } else { Err(format!("wanted a message with {wanted:?}, got {found:?}")) }
    }

    fn is(self, path: &str, wanted: impl Into<Value>) -> Result<Reply, String> {
        is(&self.json(), path, wanted)?;
        Ok(self)
    }

    fn lacks(self, path: &str) -> Result<Reply, String> {
        lacks(&self.json(), path)?;
        Ok(self)
    }
}

/// A value of an object.
pub(crate) fn is(object: &Value, path: &str, wanted: impl Into<Value>) -> Outcome {
    let wanted = wanted.into();
    let found = object.pointer(path).unwrap_or(&Value::Null);
    same(path, found, &wanted)
}

/// No value in an object.
pub(crate) fn lacks(object: &Value, path: &str) -> Outcome {
    object.pointer(path).map_or(Ok(()), |found| Err(format!("wanted no {path}, got {found}")))
}

/// Two values that must be equal.
pub(crate) fn same(what: &str, found: &Value, wanted: &Value) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what}: wanted {wanted}, got {found}")) }
}

/// The `resourceVersion` of an object.
pub(crate) fn version(object: &Value) -> Result<u64, String> {
    let text = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    text.parse().map_err(|_| format!("no version in {object}"))
}

/// A condition that must hold.
pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}
