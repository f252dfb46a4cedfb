//! The refusal of Events by access rules.

use std::fmt;

use kube::core::Status;

use super::role::{RoleRule, RoleText, Subject};
use super::{missing_verb, user};
use crate::elector::text::shown;

/// Access rules do not allow Events in a namespace.
#[derive(Debug)]
pub(in crate::elector) struct EventDenial {
    namespace: String,
    user: Option<String>,
}

impl EventDenial {
    /// Reads the refusal of an Event. `None` if the access rules are not the reason.
    pub(in crate::elector) fn read(status: &Status, namespace: &str) -> Option<EventDenial> {
        missing_verb(&status.message)?;
        Some(EventDenial { namespace: namespace.to_owned(), user: user(&status.message).map(str::to_owned) })
    }
}

impl fmt::Display for EventDenial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EventDenial { namespace, user } = self;
        match user {
            Some(user) => write!(f, "`{}`", shown(user))?,
            None => f.write_str("this process")?,
        }
        let role = RoleText {
            namespace,
            name: "lease-events",
            rules: vec![RoleRule::events()],
            subject: Subject::of_user(user.as_deref(), namespace),
        };
        write!(
            f,
            " may not create events of events.k8s.io in namespace `{namespace}`: apply this Role and RoleBinding, or set \
             `LEASE_EVENTS=off`\n{role}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Option<EventDenial> {
        EventDenial::read(&Status::failure(message, "Forbidden").with_code(403), "jobs")
    }

    #[test]
    fn the_role_grants_events_and_nothing_else() {
        let denial = read(
            "events.events.k8s.io is forbidden: User \"system:serviceaccount:jobs:worker\" cannot create resource \"events\" in \
             API group \"events.k8s.io\" in the namespace \"jobs\"",
        );
        let want = "`system:serviceaccount:jobs:worker` may not create events of events.k8s.io in namespace `jobs`: apply this Role \
                    and RoleBinding, or set `LEASE_EVENTS=off`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  namespace: jobs
  name: lease-events
rules:
  - apiGroups: [\"events.k8s.io\"]
    resources: [\"events\"]
    verbs: [\"create\"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  namespace: jobs
  name: lease-events
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: lease-events
subjects:
  - kind: ServiceAccount
    namespace: jobs
    name: worker
";
        assert_eq!(denial.map(|denial| denial.to_string()).as_deref(), Some(want));
    }

    #[test]
    fn admission_is_no_matter_of_roles() {
        assert!(read("admission webhook \"policy.example.com\" denied the request: no events on Fridays").is_none());
        assert!(read("").is_some_and(|denial| denial.to_string().starts_with("this process may not")));
    }
}
