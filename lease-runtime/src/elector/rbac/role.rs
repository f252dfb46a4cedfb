//! Roles for leases, their Events and the traffic to their leaders, and who has them.

use std::fmt;

use crate::spec::{Traffic, slice_name};
use crate::yaml::Yaml;

/// The verbs that an election needs: `get` to read, `update` and `create` to write, `watch` to learn of a release at once. A
/// write to a Lease that does not exist is an update of that name. The server also checks it as `create` *with* the name, which it
/// would not do for a POST. A watch that selects one name counts as a watch of that name. So `resourceNames` limits all four verbs,
/// and `list` is not needed.
pub(crate) const VERBS: &[&str] = &["get", "create", "update", "watch"];

/// The API group of Leases.
pub(crate) const LEASES: &str = "coordination.k8s.io";
/// The API group of Events.
const EVENTS: &str = "events.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// The account, or another user, that has a Role.
#[derive(Clone, Debug)]
pub(crate) enum Subject<'a> {
    Account {
        namespace: &'a str,
        name: &'a str,
    },
    User(&'a str),
    /// The account is not known: the one that pods of this namespace have if they name none.
    UnknownAccountOf(&'a str),
}

impl<'a> Subject<'a> {
    /// The subject of the user that the server sees in this process.
    pub(crate) fn of_user(user: Option<&'a str>, namespace: &'a str) -> Subject<'a> {
        let account = user.and_then(|user| user.strip_prefix("system:serviceaccount:")?.split_once(':'));
        match (account, user) {
            (Some((namespace, name)), _) => Subject::Account { namespace, name },
            (None, Some(user)) => Subject::User(user),
            (None, None) => Subject::UnknownAccountOf(namespace),
        }
    }

    fn yaml(&self) -> Yaml {
        let account = |namespace: &str, name: Yaml| {
            Yaml::map([("kind", Yaml::text("ServiceAccount")), ("namespace", Yaml::text(namespace)), ("name", name)])
        };
        match *self {
            Subject::Account { namespace, name } => account(namespace, Yaml::text(name)),
            Subject::User(name) => {
                Yaml::map([("kind", Yaml::text("User")), ("apiGroup", Yaml::text(RBAC)), ("name", Yaml::text(name))])
            }
            Subject::UnknownAccountOf(namespace) => {
                account(namespace, Yaml::text("default").remarked("the pod's serviceAccountName"))
            }
        }
    }
}

/// A rule of a Role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RoleRule {
    group: &'static str,
    resource: &'static str,
    /// All objects if it is empty.
    names: Vec<String>,
    verbs: &'static [&'static str],
}

impl RoleRule {
    /// The rule for these leases.
    pub(crate) fn leases<'a>(names: impl IntoIterator<Item = &'a str>, verbs: &'static [&'static str]) -> RoleRule {
        let names = names.into_iter().map(str::to_owned).collect();
        RoleRule { group: LEASES, resource: "leases", names, verbs }
    }

    /// Allows one watch of all Leases of the namespace.
    pub(crate) fn watch_of_all_leases() -> RoleRule {
        RoleRule { group: LEASES, resource: "leases", names: Vec::new(), verbs: &["watch"] }
    }

    /// Allows Events. `resourceNames` cannot limit `create`, because the request does not name the object.
    pub(crate) fn events() -> RoleRule {
        RoleRule { group: EVENTS, resource: "events", names: Vec::new(), verbs: &["create"] }
    }

    /// Allows to look at the pods of holders, whose names are not known.
    pub(crate) fn death_reports() -> RoleRule {
        RoleRule { group: "", resource: "pods", names: Vec::new(), verbs: &["get"] }
    }

    /// The rules for the traffic of some leases, in the namespace of the pod. The names of pods are not known, and a name cannot limit
    /// the creation of a slice.
    pub(crate) fn traffic<'a>(traffic: impl IntoIterator<Item = &'a Traffic>) -> Vec<RoleRule> {
        let (mut labels, mut services) = (false, Vec::<String>::new());
        for traffic in traffic {
            labels |= traffic.label;
            services.extend(traffic.service.iter().map(ToString::to_string));
        }
        services.sort();
        services.dedup();
        let slices = services.iter().map(|service| slice_name(service)).collect();
        let pods = match (labels, services.is_empty()) {
            (false, true) => return Vec::new(),
            (true, true) => {
                return vec![RoleRule { group: "", resource: "pods", names: Vec::new(), verbs: &["patch"] }];
            }
            (true, false) => &["get", "patch"][..],
            (false, false) => &["get"][..],
        };
        let slice = |names, verbs| RoleRule { group: "discovery.k8s.io", resource: "endpointslices", names, verbs };
        vec![
            RoleRule { group: "", resource: "pods", names: Vec::new(), verbs: pods },
            RoleRule { group: "", resource: "services", names: services, verbs: &["get"] },
            slice(slices, &["get", "update"]),
            slice(Vec::new(), &["create"]),
        ]
    }

    fn yaml(&self) -> Yaml {
        let RoleRule { group, resource, names, verbs } = self;
        let mut rule =
            vec![("apiGroups".to_owned(), Yaml::words([group])), ("resources".to_owned(), Yaml::words([resource]))];
        rule.extend((!names.is_empty()).then(|| ("resourceNames".to_owned(), Yaml::words(names))));
        rule.push(("verbs".to_owned(), Yaml::words(*verbs)));
        Yaml::Map(rule)
    }
}

/// A Role in one namespace, and its binding, which has the same name.
#[derive(Debug)]
pub(crate) struct RoleText<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) rules: Vec<RoleRule>,
    pub(crate) subject: Subject<'a>,
}

impl RoleText<'_> {
    pub(crate) fn role(&self) -> Yaml {
        let [version, kind, metadata] = self.head("Role");
        let rules = self.rules.iter().map(RoleRule::yaml).collect();
        Yaml::map([version, kind, metadata, ("rules", Yaml::List(rules))])
    }

    pub(crate) fn binding(&self) -> Yaml {
        let [version, kind, metadata] = self.head("RoleBinding");
        let role =
            Yaml::map([("apiGroup", Yaml::text(RBAC)), ("kind", Yaml::text("Role")), ("name", Yaml::text(self.name))]);
        Yaml::map([version, kind, metadata, ("roleRef", role), ("subjects", Yaml::List(vec![self.subject.yaml()]))])
    }

    fn head(&self, kind: &str) -> [(&'static str, Yaml); 3] {
        let metadata = Yaml::map([("namespace", Yaml::text(self.namespace)), ("name", Yaml::text(self.name))]);
        [("apiVersion", Yaml::text(format!("{RBAC}/v1"))), ("kind", Yaml::text(kind)), ("metadata", metadata)]
    }
}

/// The Role and its binding, ready for `kubectl apply -f -`.
impl fmt::Display for RoleText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}---\n{}", self.role(), self.binding())
    }
}
