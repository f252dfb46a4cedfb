//! What the scenarios work on: a kind of object of its own, a service account with pods, and the policies.

use http::Request;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::discovery::Scope;
use lease_runtime::fencing::{GuardedResource, Policies};
use lease_tests::cluster::Caller;
use lease_tests::log::{PATIENCE, now, until};
use lease_tests::world::World;
use serde_json::{Value, json};

use crate::manifest::client;

/// The lease.
pub(super) const LEASE: &str = "orders";
/// The annotation with its token.
pub(super) const STAMP: &str = "fence.lease-runtime.dev/orders";
/// The service account of the candidates.
const ACCOUNT: &str = "orders";

pub(super) type Ledgers = Api<DynamicObject>;

/// A namespace with a kind `Ledger` of its own, whose service account may do everything with ledgers and with the lease.
pub(super) struct Shop<'a> {
    pub(super) world: &'a World,
    group: String,
}

impl Shop<'_> {
    pub(super) async fn open(world: &World) -> Shop<'_> {
        let namespace = &world.cluster.namespace;
        let shop = Shop { world, group: format!("{namespace}.example.com") };
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        world.cluster.create(definitions, &definition(&shop.group)).await;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        world.cluster.create(&accounts, &json!({ "metadata": { "name": ACCOUNT } })).await;
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let metadata = json!({ "name": ACCOUNT });
        let rules = json!([
            { "apiGroups": [shop.group], "resources": ["ledgers", "ledgers/status"], "verbs": ["*"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "watch"] },
        ]);
        world.cluster.create(&format!("{rbac}/roles"), &json!({ "metadata": metadata, "rules": rules })).await;
        let binding = json!({
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT }],
        });
        world.cluster.create(&format!("{rbac}/rolebindings"), &binding).await;
        let ledgers = shop.ledgers(Caller::Admin("a")).await;
        until("the kind to be served", async || ledgers.list(&Default::default()).await.ok()).await;
        shop
    }

    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// Policies that guard the ledgers.
    pub(super) fn policies(&self) -> Policies {
        let guarded = GuardedResource::new(&*self.group, "ledgers").with_status();
        let policies = Policies::for_lease(LEASE).namespace(&*self.world.cluster.namespace).service_account(ACCOUNT);
        policies.guard(guarded)
    }

    /// Does what `kubectl apply --server-side --validate=strict -f FILE` does, as an administrator.
    pub(super) async fn apply(&self, policies: &Policies) {
        let manifest = policies.manifest().expect("a manifest");
        for document in manifest.split("---\n") {
            let answer = self.apply_object(document).await;
            assert!(answer.is_ok(), "{answer:?}\n{document}");
        }
    }

    async fn apply_object(&self, document: &str) -> kube::Result<Value> {
        let path = format!("{}?fieldManager=test&force=true&fieldValidation=Strict", path_of(document));
        let request = Request::patch(path).header("Content-Type", "application/apply-patch+yaml");
        let request = request.body(document.as_bytes().to_vec()).expect("a valid request");
        client(self.world, Caller::Admin("a")).await.request(request).await
    }

    /// Deletes the policies of this lease, and not those that all leases share.
    pub(super) async fn close(&self, policies: &Policies) {
        let manifest = policies.manifest().expect("a manifest");
        let own = format!("  name: {}.{LEASE}.", self.world.cluster.namespace);
        for document in manifest.split("---\n").filter(|document| document.contains(&own)) {
            self.world.cluster.delete(&path_of(document)).await;
        }
    }

    /// Deletes the binding of the holder policy, waits until this client is admitted, and creates it again.
    pub(super) async fn bind_again(&self, policies: &Policies, refused: &Ledgers) {
        let manifest = policies.manifest().expect("a manifest");
        let name =
            format!("kind: ValidatingAdmissionPolicyBinding\nmetadata:\n  name: {}.", self.world.cluster.namespace);
        let binding = manifest.split("---\n").find(|document| document.contains(&name)).expect("a binding");
        self.world.cluster.delete(&path_of(binding)).await;
        // Else the API server would notice neither.
        until("the end of the binding", async || merge(refused, "a", unstamped()).await.ok()).await;
        self.apply_object(binding).await.expect("the binding is accepted");
    }

    pub(super) async fn ledgers(&self, caller: Caller<'_>) -> Ledgers {
        ledgers_of(&self.group, client(self.world, caller).await, &self.world.cluster.namespace)
    }

    /// The ledgers as a client of the candidates' service account sees them, which runs in no pod.
    pub(super) async fn of_the_account(&self) -> Ledgers {
        let token = self.world.cluster.token(ACCOUNT).await;
        self.ledgers(Caller::Token(&token)).await
    }

    /// Creates a pod and returns its uid.
    pub(super) async fn pod(&self, name: &str) -> String {
        self.world.cluster.create_pod(ACCOUNT, name).await
    }

    /// The token that the kubelet would mount into this pod.
    pub(super) async fn token_of(&self, pod: &str, uid: &str) -> String {
        let namespace = &self.world.cluster.namespace;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token");
        let answer = self.world.cluster.create(&path, &token_request(pod, uid)).await;
        answer["status"]["token"].as_str().expect("a token").to_owned()
    }

    /// The ledgers as a client in this pod sees them.
    pub(super) async fn of_pod(&self, pod: &str, uid: &str) -> Ledgers {
        let token = self.token_of(pod, uid).await;
        self.ledgers(Caller::Token(&token)).await
    }

    /// Creates a ledger, as an administrator.
    pub(super) async fn create(&self, name: &str) -> DynamicObject {
        let ledgers = self.ledgers(Caller::Admin("a")).await;
        ledgers.create(&Default::default(), &self.ledger(name)).await.expect("the ledger is created")
    }

    pub(super) fn ledger(&self, name: &str) -> DynamicObject {
        DynamicObject::new(name, &resource(&self.group)).data(json!({ "spec": { "balance": 0 } }))
    }

    /// The stamp of a ledger. Empty if it has no stamp.
    pub(super) fn stamp_in(&self, ledger: &DynamicObject) -> String {
        ledger.metadata.annotations.as_ref().and_then(|all| all.get(STAMP)).cloned().unwrap_or_default()
    }

    /// Gives the lease to this holder.
    pub(super) async fn hand_to(&self, holder: &str) {
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 15 });
        if self.world.cluster.lease(LEASE).await.is_none() {
            self.world.cluster.create_lease(LEASE, &spec).await;
        } else {
            self.world.cluster.edit_lease(LEASE, |lease| lease["spec"] = spec.clone()).await;
        }
    }
}

pub(super) fn token_request(pod: &str, uid: &str) -> Value {
    let bound = json!({ "kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid });
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "boundObjectRef": bound } })
}

fn resource(group: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        api_version: format!("{group}/v1"),
        kind: "Ledger".to_owned(),
        plural: "ledgers".to_owned(),
    }
}

pub(super) fn ledgers_of(group: &str, client: kube::Client, namespace: &str) -> Ledgers {
    Api::dynamic(client, &resource(group), &Scope::Namespaced).constrain(namespace)
}

fn definition(group: &str) -> Value {
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let schema = object(json!({
        "spec": object(json!({ "balance": { "type": "integer" } })),
        "status": object(json!({ "fencingToken": { "type": "string" }, "paid": { "type": "integer" } })),
    }));
    json!({
        "metadata": { "name": format!("ledgers.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "plural": "ledgers", "singular": "ledger", "kind": "Ledger", "listKind": "LedgerList" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": schema },
            }],
        },
    })
}

fn path_of(document: &str) -> String {
    let field = |key: &str| document.lines().find_map(|line| line.strip_prefix(key)).expect("an object");
    let plural = match field("kind: ") {
        "ValidatingAdmissionPolicy" => "validatingadmissionpolicies",
        _ => "validatingadmissionpolicybindings",
    };
    format!("/apis/admissionregistration.k8s.io/v1/{plural}/{}", field("  name: "))
}

/// Merges this into a ledger.
pub(super) async fn merge(ledgers: &Ledgers, name: &str, patch: Value) -> kube::Result<DynamicObject> {
    ledgers.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
}

/// A change of a ledger, with this stamp.
pub(super) fn stamped(token: &str) -> Value {
    json!({ "metadata": { "annotations": { STAMP: token } }, "spec": { "balance": fastrand::u32(..) } })
}

/// A change of a ledger that leaves the stamp alone.
pub(super) fn unstamped() -> Value {
    json!({ "spec": { "balance": fastrand::u32(..) } })
}

/// The request was refused by a policy that says this.
#[track_caller]
pub(super) fn is_refused<T: std::fmt::Debug>(answer: kube::Result<T>, words: &str) {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 && status.message.contains(words) => {}
        other => panic!("not refused with {words:?}: {other:?}"),
    }
}

/// Waits until a request of a client is refused with these words.
pub(super) async fn until_refused(ledgers: &Ledgers, name: &str, patch: impl Fn() -> Value, words: &str) {
    let begun = now();
    loop {
        let last = match merge(ledgers, name, patch()).await {
            Err(error) if error.to_string().contains(words) => return,
            Err(error) => error.to_string(),
            Ok(_) => "accepted".to_owned(),
        };
        assert!(
            now().since(begun) < PATIENCE,
            "no refusal with {words:?} within {PATIENCE:?}, and the last answer is {last}"
        );
    }
}
