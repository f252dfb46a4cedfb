//! The admission policy that limits which pods a leader may label.

use super::objects::ManifestPlan;
use crate::spec::LABEL_DOMAIN;
use crate::yaml::Yaml;

const ADMISSION: &str = "admissionregistration.k8s.io";

/// The token of the caller is that of this pod.
const OWN_POD: &str = "has(request.userInfo.extra) && 'authentication.kubernetes.io/pod-name' in request.userInfo.extra && \
                       request.userInfo.extra['authentication.kubernetes.io/pod-name'][0] == request.name";

impl ManifestPlan {
    /// The policy and its binding. `None` if no pod is labelled.
    pub(super) fn admission_policy(&self) -> Option<String> {
        if !self.traffic.iter().any(|traffic| traffic.label) {
            return None;
        }
        // Names of the cluster are unique only with the namespace in them.
        let name = format!("{}-{}-leader", self.namespace, self.app);
        let head = |kind| {
            [
                ("apiVersion", Yaml::text(format!("{ADMISSION}/v1"))),
                ("kind", Yaml::text(kind)),
                ("metadata", Yaml::map([("name", Yaml::text(&*name))])),
            ]
        };
        let policy = {
            let [version, kind, metadata] = head("ValidatingAdmissionPolicy");
            Yaml::map([version, kind, metadata, ("spec", self.spec())])
        };
        let spec = Yaml::map([("policyName", Yaml::text(&*name)), ("validationActions", Yaml::words(["Deny"]))]);
        let binding = {
            let [version, kind, metadata] = head("ValidatingAdmissionPolicyBinding");
            Yaml::map([version, kind, metadata, ("spec", spec)])
        };
        Some(format!("{policy}---\n{binding}"))
    }

    fn spec(&self) -> Yaml {
        let updates = Yaml::map([
            ("apiGroups", Yaml::words([""])),
            ("apiVersions", Yaml::words(["v1"])),
            ("operations", Yaml::words(["UPDATE"])),
            ("resources", Yaml::words(["pods"])),
        ]);
        let user = format!("system:serviceaccount:{}:{}", self.namespace, self.service_account);
        let condition = Yaml::map([
            ("name", Yaml::text("by-the-service-account")),
            ("expression", Yaml::text(format!("request.userInfo.username == '{user}'"))),
        ]);
        let rule = |expression: String, message: &str| {
            Yaml::map([("expression", Yaml::text(expression)), ("message", Yaml::text(message))])
        };
        let (new, old) = ("object.metadata.?labels.orValue({})", "oldObject.metadata.?labels.orValue({})");
        let same = |from: &str, to: &str| {
            format!("{from}.all(key, key.startsWith('{LABEL_DOMAIN}') || (key in {to} && {from}[key] == {to}[key]))")
        };
        let validations = vec![
            rule(OWN_POD.to_owned(), "a leader may label only its own pod"),
            rule(format!("{} && {}", same(new, old), same(old, new)), "a leader may change only labels of leaders"),
            rule(
                "object.spec == oldObject.spec && object.metadata.?annotations.orValue({}) == \
                 oldObject.metadata.?annotations.orValue({})"
                    .to_owned(),
                "a leader may change only labels of its pod",
            ),
        ];
        Yaml::map([
            ("failurePolicy", Yaml::text("Fail")),
            ("matchConstraints", Yaml::map([("resourceRules", Yaml::List(vec![updates]))])),
            ("matchConditions", Yaml::List(vec![condition])),
            ("validations", Yaml::List(validations)),
        ])
    }
}
