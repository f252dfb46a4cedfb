//! The permissions that an election needs.

use kube::Error;
use serde_json::{Value, json};

use super::finding::{Finding, Status};
use crate::cluster::Cluster;
use crate::error::CliError;

/// What a candidate does with its Lease. It creates a Lease by a PUT, which the server checks with the name of the Lease.
const VERBS: [&str; 4] = ["get", "create", "update", "watch"];
const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

/// Whose requests are checked.
#[derive(Debug)]
pub(super) struct Account {
    /// The account that was named, with its groups. `None`: the user of this command.
    pub(super) named: Option<NamedAccount>,
}

#[derive(Clone, Debug)]
pub(super) struct NamedAccount {
    pub(super) user: String,
    pub(super) groups: Vec<String>,
}

impl Account {
    /// The service account of this name in the namespace of the command.
    pub(super) fn of(cluster: &Cluster, account: Option<&str>) -> Result<Account, CliError> {
        let namespace = &cluster.namespace;
        let named = account.map(|name| {
            // The name becomes a part of a user name, where a colon has a meaning.
            if lease_runtime::spec::check_lease_name(name).is_err() {
                return Err(CliError::ServiceAccount { text: name.to_owned() });
            }
            let groups =
                ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
            let groups = groups.map(str::to_owned).to_vec();
            Ok(NamedAccount { user: format!("system:serviceaccount:{namespace}:{name}"), groups })
        });
        Ok(Account { named: named.transpose()? })
    }

    fn words(&self) -> String {
        self.named.as_ref().map_or_else(|| "this user".to_owned(), |named| named.user.clone())
    }
}

/// Checks the permissions on each of these Leases, or on all of the namespace if no Lease is named.
pub(super) async fn check(cluster: &Cluster, account: &Account, leases: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = [None];
    let named: Vec<Option<&str>> = leases.iter().copied().map(Some).collect();
    for lease in if named.is_empty() { &all[..] } else { &named } {
        match missing(cluster, account, *lease).await {
            Ok(missing) => findings.extend(judged(&account.words(), *lease, &missing)),
            Err(error) => {
                let text = format!("the permissions of {} cannot be checked: {}", account.words(), why(&error));
                return vec![Finding::new(Status::Warning, text)];
            }
        }
    }
    findings
}

fn judged(who: &str, lease: Option<&str>, missing: &[&str]) -> Vec<Finding> {
    let lease = lease.map_or_else(|| "leases of the namespace".to_owned(), |lease| format!("lease {lease}"));
    if missing.is_empty() {
        return vec![Finding::new(Status::Ok, format!("{who} may {} {lease}", VERBS.join(", ")))];
    }
    let finding = |verb: &&str| match *verb {
        // Candidates poll then.
        "watch" => Finding::new(
            Status::Warning,
            format!("{who} may not watch {lease}, so a handover takes longer: allow it in the Role of the candidates"),
        ),
        verb => Finding::new(
            Status::Failed,
            format!("{who} may not {verb} {lease}: allow get, create, update and watch in the Role of the candidates"),
        ),
    };
    missing.iter().map(finding).collect()
}

/// The verbs that are not allowed.
async fn missing(cluster: &Cluster, account: &Account, lease: Option<&str>) -> Result<Vec<&'static str>, Error> {
    let (namespace, name) = match lease.and_then(|lease| lease.split_once('/')) {
        Some((namespace, name)) => (namespace, Some(name)),
        None => (&*cluster.namespace, lease),
    };
    let mut missing = Vec::new();
    for verb in VERBS {
        let mut attributes =
            json!({ "namespace": namespace, "verb": verb, "group": "coordination.k8s.io", "resource": "leases" });
        if let Some(name) = name {
            attributes["name"] = name.into();
        }
        let (kind, spec) = match &account.named {
            None => ("SelfSubjectAccessReview", json!({ "resourceAttributes": attributes })),
            Some(NamedAccount { user, groups }) => {
                ("SubjectAccessReview", json!({ "resourceAttributes": attributes, "user": user, "groups": groups }))
            }
        };
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec });
        let path = format!("{REVIEWS}/{}s", kind.to_lowercase());
        let answer: Value = cluster.post(&path, &review).await?;
        if answer["status"]["allowed"] != true {
            missing.push(verb);
        }
    }
    Ok(missing)
}

/// Why a check was not possible.
pub(super) fn why(error: &Error) -> String {
    match error {
        Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_watch_a_handover_takes_longer_and_the_rest_is_needed() {
        let status = |missing: &[&str]| {
            let findings = judged("a", Some("billing"), missing);
            findings.iter().map(|finding| finding.status).collect::<Vec<_>>()
        };
        assert_eq!(status(&[]), [Status::Ok]);
        assert_eq!(status(&["watch"]), [Status::Warning]);
        assert_eq!(status(&["get", "update", "watch"]), [Status::Failed, Status::Failed, Status::Warning]);
    }
}
