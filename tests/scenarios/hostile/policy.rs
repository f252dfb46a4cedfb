//! Admission policies of a real API server, for the leases of one namespace.

use lease_tests::log::until;
use lease_tests::world::World;
use serde_json::{Value, json};

/// What policies are.
#[derive(Clone, Copy)]
enum Kind {
    Mutating,
    Validating,
}

/// A policy in force.
pub(super) struct Policy {
    paths: [String; 2],
    probe: Value,
    kind: Kind,
}

impl Policy {
    /// Changes each lease that is written: a CEL expression of the type `JSONPatch`, in brackets. Only leases that satisfy `only`.
    pub(super) async fn that_changes(world: &World, only: &str, patches: &str, probe: Value) -> Policy {
        let spec = json!({
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConditions": [{ "name": "only", "expression": only }],
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": patches } }],
        });
        Policy::enforce(world, Kind::Mutating, spec, json!({}), probe).await
    }

    /// Refuses each write of a lease, with this reason and message.
    pub(super) async fn that_refuses(world: &World, reason: &str, message: &str) -> Policy {
        let spec = json!({
            "failurePolicy": "Fail",
            "validations": [{ "expression": "false", "reason": reason, "message": message }],
        });
        Policy::enforce(world, Kind::Validating, spec, json!({ "validationActions": ["Deny"] }), probe()).await
    }

    async fn enforce(world: &World, kind: Kind, mut spec: Value, mut binding: Value, probe: Value) -> Policy {
        let namespace = &world.cluster.namespace;
        spec["matchConstraints"] = json!({
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
            "resourceRules": [{
                "apiGroups": ["coordination.k8s.io"], "apiVersions": ["v1"], "resources": ["leases"],
                "operations": ["CREATE", "UPDATE"],
            }],
        });
        binding["policyName"] = json!(namespace);
        let metadata = json!({ "name": namespace });
        let root = "/apis/admissionregistration.k8s.io/v1";
        let word = match kind {
            Kind::Mutating => "mutatingadmissionpolic",
            Kind::Validating => "validatingadmissionpolic",
        };
        let paths = [format!("{root}/{word}ies"), format!("{root}/{word}ybindings")];
        for (path, spec) in paths.iter().zip([spec, binding]) {
            world.cluster.create(path, &json!({ "metadata": metadata, "spec": spec })).await;
        }
        let paths = paths.map(|path| format!("{path}/{namespace}"));
        let policy = Policy { paths, probe, kind };
        until("the policy to be in force", async || policy.is_in_force(world).await.then_some(())).await;
        world.log.note("policy", "in force");
        policy
    }

    /// Ends it, and waits until the API server does not apply it any more.
    pub(super) async fn end(self, world: &World) {
        for path in &self.paths {
            world.cluster.delete(path).await;
        }
        until("the policy to be over", async || (!self.is_in_force(world).await).then_some(())).await;
    }

    /// Tries to write a lease, without storing it.
    async fn is_in_force(&self, world: &World) -> bool {
        match (self.kind, world.cluster.try_lease(&self.probe).await) {
            (Kind::Mutating, Ok(stored)) => stored["spec"] != self.probe["spec"],
            (Kind::Mutating, Err(error)) => panic!("a policy that changes leases refuses one: {error}"),
            (Kind::Validating, stored) => stored.is_err(),
        }
    }
}

/// A lease that is only tried.
pub(super) fn probe() -> Value {
    json!({
        "metadata": { "name": "probe" },
        "spec": {
            "holderIdentity": "probe", "leaseDurationSeconds": 3,
            "acquireTime": "2026-01-01T00:00:00.123456Z", "renewTime": "2026-01-01T00:00:00.123456Z",
        },
    })
}
