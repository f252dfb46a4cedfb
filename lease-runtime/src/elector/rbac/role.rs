//! Roles for leases, and who has them.

use crate::yaml::Yaml;

/// The verbs that an election needs: `get` to read, `update` and `create` to write, `watch` to learn of a release at once. A
/// write to a Lease that does not exist is an update of that name. The server also checks it as `create` *with* the name, which it
/// would not do for a POST. A watch that selects one name counts as a watch of that name. So `resourceNames` limits all four verbs,
/// and `list` is not needed.
pub(crate) const VERBS: &[&str] = &["get", "create", "update", "watch"];

/// The API group of Leases.
pub(crate) const LEASES: &str = "coordination.k8s.io";
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
    pub(super) fn of_user(user: Option<&'a str>, namespace: &'a str) -> Subject<'a> {
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

/// A Role in one namespace, and its binding, which has the same name.
#[derive(Debug)]
pub(crate) struct RoleText<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) verbs: &'a [&'a str],
    pub(crate) leases: &'a [&'a str],
    /// Also allows one watch of all Leases of the namespace.
    pub(crate) watches_all: bool,
    pub(crate) subject: Subject<'a>,
}

impl RoleText<'_> {
    pub(crate) fn role(&self) -> Yaml {
        let rule = |names: Option<&[&str]>, verbs: &[&str]| {
            let mut rule = vec![
                ("apiGroups".to_owned(), Yaml::words([LEASES])),
                ("resources".to_owned(), Yaml::words(["leases"])),
            ];
            rule.extend(names.map(|names| ("resourceNames".to_owned(), Yaml::words(names))));
            rule.push(("verbs".to_owned(), Yaml::words(verbs)));
            Yaml::Map(rule)
        };
        let mut rules = vec![rule(Some(self.leases), self.verbs)];
        if self.watches_all {
            rules.push(rule(None, &["watch"]));
        }
        let [version, kind, metadata] = self.head("Role");
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
