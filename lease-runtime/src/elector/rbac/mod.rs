//! Turns a refusal by access rules into a Role that would allow the request.

mod events;
mod role;

use std::fmt;

use kube::core::Status;

pub(super) use events::EventDenial;
pub(crate) use role::{LEASES, RoleRule, RoleText, Subject, VERBS};

use super::text::{short, shown};
use crate::lease::LeaseId;

/// The verbs that a request to a lease's tasks needs: it reads the Lease and replaces it.
const ADMIN_VERBS: &[&str] = &["get", "update"];

/// A request that the access rules of the cluster do not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Denial {
    /// The missing verb: `get`, `create`, `update` or `watch`.
    pub verb: String,
    /// The resource as access rules name it: `leases`.
    pub resource: String,
    /// The namespace of the object: that of the lease.
    pub namespace: String,
    /// The name of the object: that of the lease.
    pub name: String,
    /// The user that the server sees in this process, if it says so.
    pub user: Option<String>,
    /// The message of the server.
    pub message: String,
    /// A Role and a RoleBinding, as YAML, that grant exactly what the election of this lease needs, or what a
    /// [`TickAdmin`](crate::TickAdmin) needs that was refused.
    pub role: String,
}

impl Denial {
    /// Reads the refusal of a request about a lease that needed `verb`. `None` if the access rules are not the reason.
    pub(super) fn read(status: &Status, verb: &str, lease: &LeaseId) -> Option<Denial> {
        Denial::of(status, verb, "leases", (&lease.namespace, &lease.name), |user| role("lease", VERBS, lease, user))
    }

    /// Reads the refusal of a request about the object with this namespace and name. `role` makes the Role for a user. `None` if the
    /// access rules are not the reason: admission, quota and webhooks also answer 403, and no Role would help against those.
    pub(super) fn of(
        status: &Status,
        verb: &str,
        resource: &'static str,
        (namespace, name): (&str, &str),
        role: impl FnOnce(Option<&str>) -> String,
    ) -> Option<Denial> {
        let message = status.message.as_str();
        let said = missing_verb(message)?;
        let user = user(message).map(str::to_owned);
        Some(Denial {
            verb: shown(if said.is_empty() { verb } else { said }).to_string(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            role: role(user.as_deref()),
            user,
            message: short(message),
        })
    }

    /// The same refusal, for a program that takes no part in the election.
    pub(super) fn of_admin(mut self, lease: &LeaseId) -> Denial {
        self.role = role("lease-admin", ADMIN_VERBS, lease, self.user.as_deref());
        self
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denial { verb, resource, namespace, name, user, role, .. } = self;
        let verb = shown(verb);
        match user {
            Some(user) => write!(f, "`{}`", shown(user))?,
            None => f.write_str("this process")?,
        }
        write!(
            f,
            " may not {verb} {resource} `{name}` in namespace `{namespace}`: apply this Role and RoleBinding\n{role}"
        )
    }
}

/// The verb that a refusal names; empty if it has no words. `None` if the access rules are not the reason.
fn missing_verb(message: &str) -> Option<&str> {
    // `leases.coordination.k8s.io "ledger" is forbidden: User "eve" cannot get resource "leases" in API group ..`
    // The API server words the refusals of all authorizers like this.
    between(message, " cannot ", " resource ").or(message.is_empty().then_some(""))
}

/// The user that a refusal names.
fn user(message: &str) -> Option<&str> {
    // The name of an account is never that long.
    between(message, "User \"", "\"").filter(|user| user.len() <= 1000)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let from = text.find(before)? + before.len();
    let rest = text.get(from..)?;
    let word = rest.get(..rest.find(after)?)?;
    (!word.is_empty()).then_some(word)
}

/// The Role and RoleBinding for one lease and one user, ready for `kubectl apply -f -`.
fn role(purpose: &str, verbs: &'static [&'static str], lease: &LeaseId, user: Option<&str>) -> String {
    let text = RoleText {
        namespace: &lease.namespace,
        name: &format!("{purpose}-{}", lease.name),
        rules: vec![RoleRule::leases([&*lease.name], verbs)],
        subject: Subject::of_user(user, &lease.namespace),
    };
    text.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> LeaseId {
        LeaseId { namespace: "jobs".into(), name: "ledger".into() }
    }

    fn refused(message: &str) -> Status {
        Status::failure(message, "Forbidden").with_code(403)
    }

    #[test]
    fn names_the_verb_the_user_and_the_role() {
        let status = refused(
            "leases.coordination.k8s.io \"ledger\" is forbidden: User \"system:serviceaccount:jobs:worker\" cannot update \
             resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"jobs\"",
        );
        let denial = Denial::read(&status, "get", &lease()).unwrap();
        assert_eq!(denial.verb, "update");
        assert_eq!(denial.user.as_deref(), Some("system:serviceaccount:jobs:worker"));
        let text = denial.to_string();
        let start = "`system:serviceaccount:jobs:worker` may not update leases `ledger` in namespace `jobs`: ";
        assert!(text.starts_with(start), "{text}");
        for line in [
            "    resourceNames: [\"ledger\"]",
            "    verbs: [\"get\", \"create\", \"update\", \"watch\"]",
            "  - kind: ServiceAccount",
            "    name: worker",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_user_that_is_no_service_account_is_bound_as_a_user() {
        let status = refused("User \"eve \\\"the\\\" admin\" cannot watch resource \"leases\"");
        let denial = Denial::read(&status, "get", &lease()).unwrap();
        assert_eq!(denial.verb, "watch");
        assert!(denial.role.contains("  - kind: User\n"), "{}", denial.role);
    }

    #[test]
    fn an_answer_without_words_names_the_verb_that_was_asked_for() {
        let status = Status::failure("", "Failed to parse error data").with_code(403);
        assert_eq!(Denial::read(&status, "create", &lease()).unwrap().verb, "create");
    }

    #[test]
    fn admission_is_no_matter_of_roles() {
        for message in [
            "admission webhook \"policy.example.com\" denied the request: no leases on Fridays",
            "leases.coordination.k8s.io \"ledger\" is forbidden: exceeded quota: compute, requested: count/leases=1",
        ] {
            assert_eq!(Denial::read(&refused(message), "update", &lease()), None, "{message}");
        }
    }

    #[test]
    fn a_hostile_user_name_cannot_break_out_of_the_yaml() {
        let hostile = "eve\nkind: ClusterRole";
        let role = role("lease", VERBS, &lease(), Some(hostile));
        assert!(role.contains("    name: \"eve\\u000akind: ClusterRole\"\n"), "{role}");
    }

    #[test]
    fn what_the_server_says_is_escaped_and_has_an_end() {
        let status = refused("User \"eve\u{1b}[2J\u{202e}\" cannot get\nERROR all is lost resource \"leases\"");
        let denial = Denial::read(&status, "get", &lease()).unwrap();
        let text = denial.to_string();
        let line = text.lines().next().unwrap();
        assert!(line.starts_with("`eve\\u{1b}[2J\\u{202e}` may not get\\nERROR all is lost leases"), "{line}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        let long = format!("User \"eve\" cannot get resource \"leases\"{}", " again".repeat(10_000));
        assert!(Denial::read(&refused(&long), "get", &lease()).unwrap().message.chars().count() <= 301);
    }
}
