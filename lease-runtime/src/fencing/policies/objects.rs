//! The policies and their bindings as objects of Kubernetes.

use super::expressions::{CALLING_POD, DELETES_A_VERSION, HOLDER, POD_HOLDS, is_account, token_variables};
use super::guarded::GuardedResource;
use crate::yaml::Yaml;

/// The policy that keeps API servers following Leases. All leases of a cluster share it.
const KEEPER: &str = "keep-lease-params";

/// What the policies say. All names are checked.
pub(super) struct PolicyPlan<'a> {
    pub(super) lease: &'a str,
    pub(super) namespace: &'a str,
    pub(super) service_account: &'a str,
    pub(super) guarded: &'a [GuardedResource],
}

impl PolicyPlan<'_> {
    pub(super) fn manifest(&self, holder: bool, token: bool) -> String {
        let PolicyPlan { lease, namespace, service_account, .. } = self;
        let head = format!(
            "# Fencing for the leaders of lease {namespace}/{lease}, which run as service account {service_account}.\n\
             # An administrator of the cluster applies this: kubectl apply -f FILE.\n\
             # Apply changes over it. Do not delete and create it: API servers may then compare with old Leases.\n"
        );
        let mut parts = Vec::new();
        if holder {
            let note = format!("# Keeps API servers following Leases. Shared by all leases: never delete {KEEPER}.\n");
            parts.push(note + &join(&[keeper(), keeper_binding()]));
            let note = "# Candidates write only from the pod that holds the lease. This is no fence.\n\
                        # While the Lease does not exist, nobody writes the guarded objects. The first leader creates it.\n";
            parts.push(note.to_owned() + &join(&[self.holder_policy(), self.binding("holder", true)]));
        }
        if token {
            let note = "# Fencing tokens never go down.\n";
            parts.push(note.to_owned() + &join(&[self.token_policy(), self.binding("token", false)]));
        }
        head + &parts.join("---\n")
    }

    /// Names of the cluster are unique only with the namespace in them, which contains no dot.
    fn name(&self, kind: &str) -> String {
        format!("{}.{}.{kind}", self.namespace, self.lease)
    }

    fn holder_policy(&self) -> Yaml {
        let PolicyPlan { lease, namespace, service_account, .. } = self;
        let message = format!(
            "only the pod that holds lease {namespace}/{lease} may write this, and its identity must contain the uid of the pod"
        );
        let account = is_account(namespace, service_account);
        let spec = Yaml::map([
            ("failurePolicy", Yaml::text("Fail")),
            ("paramKind", param_kind()),
            ("matchConstraints", self.constraints(&["CREATE", "UPDATE", "DELETE"])),
            // People and controllers are not concerned.
            ("matchConditions", Yaml::List(vec![named("candidates", &account)])),
            ("variables", Yaml::List(vec![named("pod", CALLING_POD), named("holder", HOLDER)])),
            ("validations", Yaml::List(vec![validation(POD_HOLDS, ("message", &message))])),
        ]);
        policy(&self.name("holder"), spec)
    }

    fn token_policy(&self) -> Yaml {
        let PolicyPlan { lease, namespace, service_account, guarded } = self;
        let status = guarded.iter().any(GuardedResource::has_status);
        let candidate = ("candidate".to_owned(), is_account(namespace, service_account));
        let variables = [candidate].into_iter().chain(token_variables(lease, status));
        let not_lower = "request.operation == 'DELETE' || variables.now >= \
                         (variables.candidate ? variables.highest : variables.before)";
        let lower = format!(
            "'the fencing token ' + string(variables.now) + ' is below ' + string(variables.highest) + \
             ', which a later leader of lease {namespace}/{lease} has set'"
        );
        let stamped = "request.operation == 'DELETE' || !variables.candidate || variables.now > 0u";
        let unstamped = format!("a candidate for lease {namespace}/{lease} puts its fencing token into what it writes");
        let any_version =
            format!("a candidate for lease {namespace}/{lease} deletes with preconditions.resourceVersion");
        let validations = vec![
            validation(stamped, ("message", &unstamped)),
            validation(not_lower, ("messageExpression", &lower)),
            validation(DELETES_A_VERSION, ("message", &any_version)),
        ];
        let spec = Yaml::map([
            ("failurePolicy", Yaml::text("Fail")),
            ("matchConstraints", self.constraints(&["UPDATE", "DELETE"])),
            ("variables", Yaml::List(variables.map(|(name, text)| named(&name, &text)).collect())),
            ("validations", Yaml::List(validations)),
        ]);
        policy(&self.name("token"), spec)
    }

    /// Puts the policy of this kind into force in the namespace. With `lease`, the Lease is its parameter.
    fn binding(&self, kind: &str, lease: bool) -> Yaml {
        let name = self.name(kind);
        let labels = Yaml::map([("kubernetes.io/metadata.name", Yaml::text(self.namespace))]);
        let selector = Yaml::map([("namespaceSelector", Yaml::map([("matchLabels", labels)]))]);
        let mut spec = vec![
            ("policyName".to_owned(), Yaml::text(&*name)),
            ("validationActions".to_owned(), Yaml::words(["Deny"])),
            ("matchResources".to_owned(), selector),
        ];
        if lease {
            spec.push(("paramRef".to_owned(), param_ref(self.namespace, self.lease, "Deny")));
        }
        object("ValidatingAdmissionPolicyBinding", &name, Yaml::Map(spec))
    }

    fn constraints(&self, operations: &[&str]) -> Yaml {
        let rules = self.guarded.iter().map(|guarded| guarded.rule(operations)).collect();
        Yaml::map([("resourceRules", Yaml::List(rules))])
    }
}

/// A policy that matches no request: nothing connects to a Lease. Its binding keeps the API servers following Leases when others are
/// deleted.
fn keeper() -> Yaml {
    let rule = Yaml::map([
        ("apiGroups", Yaml::words(["coordination.k8s.io"])),
        ("apiVersions", Yaml::words(["v1"])),
        ("operations", Yaml::words(["CONNECT"])),
        ("resources", Yaml::words(["leases"])),
    ]);
    let spec = Yaml::map([
        ("failurePolicy", Yaml::text("Ignore")),
        ("paramKind", param_kind()),
        ("matchConstraints", Yaml::map([("resourceRules", Yaml::List(vec![rule]))])),
        ("validations", Yaml::List(vec![Yaml::map([("expression", Yaml::text("true"))])])),
    ]);
    policy(KEEPER, spec)
}

fn keeper_binding() -> Yaml {
    let spec = Yaml::map([
        ("policyName", Yaml::text(KEEPER)),
        ("validationActions", Yaml::words(["Audit"])),
        ("paramRef", param_ref("kube-system", KEEPER, "Allow")),
    ]);
    object("ValidatingAdmissionPolicyBinding", KEEPER, spec)
}

fn param_kind() -> Yaml {
    Yaml::map([("apiVersion", Yaml::text("coordination.k8s.io/v1")), ("kind", Yaml::text("Lease"))])
}

fn param_ref(namespace: &str, name: &str, if_missing: &str) -> Yaml {
    Yaml::map([
        ("namespace", Yaml::text(namespace)),
        ("name", Yaml::text(name)),
        ("parameterNotFoundAction", Yaml::text(if_missing)),
    ])
}

fn named(name: &str, expression: &str) -> Yaml {
    Yaml::map([("name", Yaml::text(name)), ("expression", Yaml::text(expression))])
}

/// A rule whose breach is answered with 403. Without a reason, it would be 422, as for an object that is not valid.
fn validation(expression: &str, (kind, message): (&str, &str)) -> Yaml {
    Yaml::map([
        ("expression", Yaml::text(expression)),
        ("reason", Yaml::text("Forbidden")),
        (kind, Yaml::text(message)),
    ])
}

fn policy(name: &str, spec: Yaml) -> Yaml {
    object("ValidatingAdmissionPolicy", name, spec)
}

fn object(kind: &str, name: &str, spec: Yaml) -> Yaml {
    Yaml::map([
        ("apiVersion", Yaml::text("admissionregistration.k8s.io/v1")),
        ("kind", Yaml::text(kind)),
        ("metadata", Yaml::map([("name", Yaml::text(name))])),
        ("spec", spec),
    ])
}

fn join(objects: &[Yaml]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join("---\n")
}
