//! Arbitrary text as a kubeconfig. No credential plugin is run.

use kube::config::{Config, Kubeconfig};
use lease_fuzz::Target;
use serde_json::Value;

use super::environment::configure;
use super::{Connection, client};
use crate::elector::error::ElectorError;

/// Stands in each secret of the corpus, and nowhere else.
const SECRET: &str = "CANARY7F3A";

/// Whether the secret stands in a place that is not secret, such as the name of a context, where an error may quote it.
fn is_public(kubeconfig: &Kubeconfig) -> bool {
    let mut text = serde_json::to_value(kubeconfig).unwrap_or_default();
    for user in text["users"].as_array_mut().into_iter().flatten() {
        let user = &mut user["user"];
        for field in ["password", "token", "client-key-data"] {
            user[field] = Value::Null;
        }
        for (plugin, field) in [("exec", "args"), ("exec", "env"), ("auth-provider", "config")] {
            if user[plugin].is_object() {
                user[plugin][field] = Value::Null;
            }
        }
    }
    for cluster in text["clusters"].as_array_mut().into_iter().flatten() {
        if cluster["cluster"].is_object() {
            cluster["cluster"]["proxy-url"] = Value::Null;
        }
    }
    text.to_string().contains(SECRET)
}

fn check_error(error: &ElectorError, text: &str) -> &'static str {
    let said = format!("{error} {error:?}");
    assert!(!said.contains(SECRET), "an error contains a secret: {said}\n{text}");
    assert!(said.len() <= 4_000 + 20 * text.len(), "an error of {} bytes", said.len());
    match error {
        ElectorError::Kubeconfig { .. } => "no kubeconfig",
        ElectorError::Proxy { .. } => "no proxy",
        _ => "no client",
    }
}

/// Builds a client, unless that would run a program.
fn built(config: Config) -> Result<&'static str, ElectorError> {
    if config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some() {
        return Ok("a plugin");
    }
    let namespace = Connection::from_config(config.clone()).namespace().to_owned();
    assert!(!namespace.is_empty());
    client(config).map(|_| "a client")
}

fn check(input: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(input);
    let kubeconfig = Kubeconfig::from_yaml(&text);
    if kubeconfig.as_ref().is_ok_and(is_public) {
        return "public";
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let end = runtime.block_on(async { built(configure(kubeconfig, None, "`k`", |_| None).await?) });
    end.unwrap_or_else(|error| check_error(&error, &text))
}

const KUBECONFIG: Target = Target {
    name: "kubeconfig",
    words: &[
        "CANARY7F3A",
        "token",
        "password",
        "exec",
        "proxy-url",
        "http://u:CANARY7F3A@proxy:1",
        "https://127.0.0.1:1",
        "insecure-skip-tls-verify",
        "current-context",
        "a",
        "b",
        "c",
    ],
    check,
    reaches: &["a client", "a plugin", "no kubeconfig", "no proxy", "no client"],
};

#[test]
fn kubeconfig() {
    lease_fuzz::run(&KUBECONFIG);
}
