//! A client for plain HTTP requests: any method, any header, any body, and the unchanged answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

/// The time limit for an answer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The kubeconfig is not valid.
    #[error("cannot read the kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// The client could not be built, or the connection failed.
    #[error("no answer: {0}")]
    Kube(#[from] kube::Error),
    /// The connection broke before the end of the answer.
    #[error("half an answer: {0}")]
    Body(String),
    /// There was no answer in time.
    #[error("no answer within {PATIENCE:?}")]
    Late,
}

/// Requests to one API server, with the address, the credentials and the trust of a kubeconfig, and no retries.
#[derive(Clone)]
pub struct Http {
    client: kube::Client,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// A client for the current context of a kubeconfig, given as text.
    pub async fn new(kubeconfig: &str) -> Result<Http, ApiError> {
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Http { client: kube::Client::try_from(config)? })
    }

    /// Sends a request and waits for the whole answer.
    pub async fn send(&self, ask: Ask) -> Result<Reply, ApiError> {
        let whole = async {
            let response = self.client.send(ask.into_request()).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| ApiError::Body(error.to_string()))?.to_bytes();
            Ok(Reply { code: parts.status.as_u16(), headers: parts.headers, body })
        };
        tokio::time::timeout(PATIENCE, whole).await.map_err(|_| ApiError::Late)?
    }

    /// Sends a request whose answer is a stream of lines.
    pub async fn stream(&self, ask: Ask) -> Result<Lines, ApiError> {
        let head = tokio::time::timeout(PATIENCE, self.client.send(ask.into_request()));
        let (parts, body) = head.await.map_err(|_| ApiError::Late)??.into_parts();
        let frames = body.into_data_stream().map(|frame| frame.map_err(|error| error.to_string())).boxed();
        Ok(Lines { code: parts.status.as_u16(), frames, buffer: Vec::new() })
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Ask {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Ask {
        Ask { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets a JSON body and its content type.
    pub fn json(self, body: &Value) -> Ask {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of any content type.
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    fn into_request(self) -> Request<kube::client::Body> {
        let mut request = Request::new(kube::client::Body::from(self.body.to_vec()));
        *request.method_mut() = self.method;
        // An invalid URI or header value is a mistake in the test.
        *request.uri_mut() = self.path.parse().expect("a path");
        for (name, value) in self.headers {
            request.headers_mut().append(name, value.parse().expect("a header value"));
        }
        request
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub code: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON. Null if the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All values of a header.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }
}

/// An answer that comes line by line, as a watch does.
pub struct Lines {
    /// The status code.
    pub code: u16,
    frames: BoxStream<'static, Result<Bytes, String>>,
    buffer: Vec<u8>,
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Lines {
    /// The next line as JSON; `None` at the end. Waits for at most `patience`.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Value>, ApiError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line).unwrap_or(Value::Null)));
            }
            match tokio::time::timeout(patience, self.frames.next()).await {
                Err(_) => return Err(ApiError::Late),
                Ok(None) if self.buffer.is_empty() => return Ok(None),
                Ok(None) => {
                    let rest = std::mem::take(&mut self.buffer);
                    return Ok(Some(serde_json::from_slice(&rest).unwrap_or(Value::Null)));
                }
                Ok(Some(Ok(frame))) => self.buffer.extend_from_slice(&frame),
                Ok(Some(Err(error))) => return Err(ApiError::Body(error)),
            }
        }
    }
}
