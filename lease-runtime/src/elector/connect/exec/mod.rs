//! Credential plugins: programs that a kubeconfig names, and that print credentials. Their protocol is `ExecCredential` of
//! `client.authentication.k8s.io`.
//!
//! kube could run them as well, but it runs them within a request, on a thread that cannot be stopped. After a failure, its error
//! contains the environment, the arguments and the output, which may be secret.

use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use http::HeaderValue;
use kube::config::{AuthInfo, ExecConfig, ExecInteractiveMode};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::keeper::{CredentialSource, FetchedCredentials, Identity};
use super::secrets::Secrets;
use crate::clock::WallTime;
use crate::elector::error::ElectorError;
use crate::elector::text::{LONGEST_SHOWN, shown};

/// The most that is read of a plugin's output.
const MOST_OUTPUT: u64 = 1 << 20;
/// How much of the end of its error output is kept.
const MOST_ERRORS: usize = 1 << 16;
/// How long its output is still read after it has ended. A process that it started may keep the pipes open.
const LEFT_OPEN: Duration = Duration::from_secs(1);

/// A credential plugin.
pub(super) struct Plugin {
    command: String,
    exec: ExecConfig,
    secrets: Secrets,
}

impl Plugin {
    pub(super) fn new(exec: &ExecConfig, auth: &AuthInfo) -> Plugin {
        let command = exec.command.clone().unwrap_or_default();
        Plugin { command, exec: exec.clone(), secrets: Secrets::of(auth) }
    }

    /// Runs the plugin once. Dropping the future ends it.
    async fn run(&self) -> Result<FetchedCredentials, ElectorError> {
        if self.command.is_empty() {
            return Err(self.failed("is not named", "give `command` under `exec` in the kubeconfig"));
        }
        if self.exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let remedy = "set `interactiveMode` to `IfAvailable` or `Never` in the kubeconfig, and log in beforehand";
            return Err(self.failed("asks a person for input, which an election cannot give", remedy));
        }
        let mut child = self.prepare()?.spawn().map_err(|error| self.not_started(&error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (mut output, mut errors) = (Vec::new(), OutputTail::default());
        let status = {
            let mut read = pin!(async { tokio::join!(beginning(stdout, &mut output), tail(stderr, &mut errors)) });
            tokio::select! {
                biased;
                _ = &mut read => child.wait().await,
                status = child.wait() => {
                    drop(tokio::time::timeout(LEFT_OPEN, read).await);
                    status
                }
            }
        };
        let (output, errors) = (String::from_utf8_lossy(&output).into_owned(), errors.text());
        let mut secrets = self.secrets.clone();
        secrets.add_output(&output);
        let status = status.map_err(|error| self.failed(format!("cannot be waited for ({error})"), AGAIN))?;
        if status.success() {
            return self.read(&output);
        }
        // The text for "exit status: 1" differs between systems.
        let ended = match status.code() {
            Some(code) => format!("ended with exit code {code}"),
            None => format!("was ended ({status})"),
        };
        let words = last_output(&secrets.redact(&errors));
        let reason = if words.is_empty() {
            ended + " and printed no error"
        } else {
            format!("{ended}, its last output: {words}")
        };
        Err(self.failed(reason, AGAIN))
    }

    fn prepare(&self) -> Result<Command, ElectorError> {
        let exec = &self.exec;
        let mut spec = json!({ "interactive": false });
        if exec.provide_cluster_info {
            let remedy = "load the kubeconfig by its path, or set `exec.cluster` in its configuration";
            let cluster = exec.cluster.as_ref();
            let cluster = cluster.ok_or_else(|| {
                self.failed("needs to know the cluster, which the configuration does not name", remedy)
            })?;
            spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
        }
        let version = exec.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
        let info = json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec });
        let mut command = Command::new(&self.command);
        command.args(exec.args.iter().flatten());
        for variable in exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        for name in exec.drop_env.iter().flatten() {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(command)
    }

    fn not_started(&self, error: &std::io::Error) -> ElectorError {
        let hint = self.exec.install_hint.as_deref().map(|hint| self.secrets.redact(hint));
        let remedy = match hint.filter(|hint| !hint.trim().is_empty()) {
            Some(hint) => format!("install it ({})", shown(hint.trim())),
            None => "install it, or correct `command` under `exec` in the kubeconfig".to_owned(),
        };
        // Such an error concerns the path of the command and nothing else, so its kind says enough.
        self.failed(format!("cannot be started ({})", error.kind()), remedy)
    }

    /// Reads its output.
    fn read(&self, output: &str) -> Result<FetchedCredentials, ElectorError> {
        let wrong = |what: &str| {
            self.failed(
                format!("printed {what}"),
                "run it by hand and compare with the ExecCredential of its `apiVersion`",
            )
        };
        let answer: Value = serde_json::from_str(output).map_err(|_| wrong("text that is not JSON"))?;
        if answer["kind"] != "ExecCredential" {
            return Err(wrong("JSON that is not an ExecCredential"));
        }
        if let (Some(requested), Some(given)) = (&self.exec.api_version, answer["apiVersion"].as_str())
            && requested != given
        {
            return Err(wrong("an ExecCredential with another `apiVersion` than the kubeconfig names"));
        }
        let status = &answer["status"];
        let text = |name: &str| status[name].as_str().map(str::trim).filter(|text| !text.is_empty());
        let until = match text("expirationTimestamp").map(str::parse::<WallTime>) {
            Some(Ok(at)) => Some(at),
            Some(Err(_)) => return Err(wrong("an `expirationTimestamp` that is not a time")),
            None => None,
        };
        let header = match text("token").map(bearer) {
            Some(None) => return Err(wrong("a token that a header cannot contain")),
            Some(header) => header,
            None => None,
        };
        let identity = match (text("clientCertificateData"), text("clientKeyData")) {
            (Some(certificate), Some(key)) => {
                Some(Identity { certificate: certificate.as_bytes().to_vec(), key: key.as_bytes().to_vec() })
            }
            (None, None) => None,
            _ => return Err(wrong("a client certificate without its key, or a key without its certificate")),
        };
        if header.is_none() && identity.is_none() {
            return Err(wrong("no token and no client certificate"));
        }
        Ok(FetchedCredentials { header, identity, until, again: None })
    }

    fn failed(&self, reason: impl Into<String>, remedy: impl Into<String>) -> ElectorError {
        let command = shown(&self.command).to_string();
        ElectorError::Plugin { command, reason: reason.into(), remedy: remedy.into() }
    }
}

const AGAIN: &str = "run it by hand to see what it needs; it is run again after a pause that grows to a minute";

impl CredentialSource for Plugin {
    async fn fetch(&mut self) -> Result<FetchedCredentials, ElectorError> {
        self.run().await
    }

    fn hangs(&self, limit: Duration) -> ElectorError {
        self.failed(format!("did not end within {limit:?} and was killed"), AGAIN)
    }
}

/// The value of a header with a bearer token; `None` if a header cannot contain the token.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

async fn beginning(pipe: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    if let Some(mut pipe) = pipe {
        // If the output cannot be read, it is empty, and that is reported later.
        let _ = (&mut pipe).take(MOST_OUTPUT).read_to_end(bytes).await;
        // The rest is read as well. A plugin that cannot write would not end.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
}

/// The last part of an output.
#[derive(Default)]
struct OutputTail {
    bytes: Vec<u8>,
    /// There was more before it.
    cut: bool,
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>, tail: &mut OutputTail) {
    if let Some(mut pipe) = pipe {
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut part).await {
            tail.bytes.extend_from_slice(&part[..count]);
            if tail.bytes.len() > 2 * MOST_ERRORS {
                tail.bytes.drain(..tail.bytes.len() - MOST_ERRORS);
                tail.cut = true;
            }
        }
    }
}

impl OutputTail {
    /// Begins with a whole line: the redaction would not find half of a secret.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        match text.split_once('\n') {
            Some((_, rest)) if self.cut => rest.to_owned(),
            _ if self.cut => String::new(),
            _ => text.into_owned(),
        }
    }
}

/// The end of a text on one line, escaped.
fn last_output(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = shown_from_end(&line);
    if line.is_empty() { line } else { format!("`{line}`") }
}

fn shown_from_end(line: &str) -> String {
    let mut left = LONGEST_SHOWN;
    let mut start = line.len();
    for (at, c) in line.char_indices().rev() {
        let width = shown(c.encode_utf8(&mut [0; 4])).to_string().chars().count();
        if width > left {
            return format!("…{}", shown(&line[start..]));
        }
        (left, start) = (left - width, at);
    }
    shown(line).to_string()
}

#[cfg(all(test, unix))]
mod tests;
