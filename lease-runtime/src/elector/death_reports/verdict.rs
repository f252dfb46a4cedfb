//! What the status of a pod says about the process of an identity.

use kube::api::DynamicObject;
use lease_grammar::names::broken_by_lease_name;
use serde_json::Value;

use super::MARK;

/// Why a container has terminated, if the kubelet knows it from the runtime. With other reasons, it guesses: the container was lost.
const REASONS: [&str; 3] = ["Completed", "Error", "OOMKilled"];

/// A holder whose identity names a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HolderPod {
    pub(super) name: String,
    uid: String,
    /// The line in the termination message of its container.
    mark: String,
}

impl HolderPod {
    /// Reads `POD_NAME_POD_UID_NONCE`. `None` if the identity has another form. Any program may have written it, and the name becomes
    /// part of the path of a request.
    pub(super) fn of(identity: &str) -> Option<HolderPod> {
        let (pod, nonce) = identity.rsplit_once('_')?;
        let (name, uid) = pod.rsplit_once('_')?;
        let is_nonce = nonce.len() == 16 && nonce.bytes().all(|digit| digit.is_ascii_hexdigit());
        // Names of pods follow the same rule as names of Leases.
        let is_pod = broken_by_lease_name(name).is_none() && !uid.is_empty();
        let mark = format!("{MARK}{identity}");
        (is_nonce && is_pod).then(|| HolderPod { name: name.to_owned(), uid: uid.to_owned(), mark })
    }

    /// D3: whether this state of the pod proves that the process is dead. It may be of any age, because a proof never becomes false.
    pub(super) fn is_dead_in(&self, pod: &DynamicObject) -> bool {
        let is_same =
            pod.metadata.name.as_deref() == Some(&*self.name) && pod.metadata.uid.as_deref() == Some(&*self.uid);
        is_same && containers(&pod.data).any(|container| self.is_terminated(container))
    }

    /// Whether an instance of this container that has terminated has left the mark.
    fn is_terminated(&self, container: &Value) -> bool {
        ["state", "lastState"].iter().any(|state| {
            let terminated = &container[state]["terminated"];
            let text = |field| terminated[field].as_str().unwrap_or_default();
            // Without an id, the kubelet has seen no container: it guesses.
            !text("containerID").is_empty()
                && REASONS.contains(&text("reason"))
                && text("message").split('\n').any(|line| line == self.mark)
        })
    }
}

/// The containers of a pod in which a candidate can run: those, and the init containers that run beside them.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = |part: &'static str, field: &'static str| pod[part][field].as_array().into_iter().flatten();
    let stays = move |status: &&Value| {
        all("spec", "initContainers").any(|container| {
            container["name"].is_string()
                && container["name"] == status["name"]
                && container["restartPolicy"] == "Always"
        })
    };
    all("status", "containerStatuses").chain(all("status", "initContainerStatuses").filter(stays))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UID: &str = "6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c11";
    const IDENTITY: &str = "orders-0_6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c11_5f0c4d1e9a7b3c21";

    fn mark() -> String {
        format!("{MARK}{IDENTITY}\n")
    }

    /// A container that has terminated, with these fields in place of the usual ones.
    fn terminated(other: Value) -> Value {
        let mut state = json!({
            "containerID": "containerd://4f5c", "reason": "Error", "exitCode": 137, "message": mark(),
            "startedAt": "2026-11-25T00:00:00Z", "finishedAt": "2026-11-25T00:10:00Z",
        });
        let Value::Object(other) = other else { panic!("fields") };
        for (field, value) in other {
            state[field] = value;
        }
        json!({ "terminated": state })
    }

    fn pod(status: Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "orders-0", "namespace": "shop", "uid": UID },
            "spec": {
                "containers": [{ "name": "orders" }],
                "initContainers": [{ "name": "migrate" }, { "name": "proxy", "restartPolicy": "Always" }],
            },
            "status": status,
        })
    }

    fn running(last: Value) -> Value {
        json!({ "name": "orders", "state": { "running": {} }, "lastState": last, "restartCount": 1 })
    }

    fn ended(state: Value) -> Value {
        json!({ "phase": "Running", "containerStatuses": [{ "name": "orders", "state": state, "lastState": {} }] })
    }

    fn is_dead(pod: Value) -> bool {
        let pod = serde_json::from_value(pod).unwrap();
        HolderPod::of(IDENTITY).unwrap().is_dead_in(&pod)
    }

    #[test]
    fn the_mark_of_a_terminated_container_is_a_proof() {
        let sidecar = json!({ "name": "sidecar", "state": { "running": {} } });
        let beside = json!({ "name": "orders", "state": terminated(json!({})) });
        let init = |name| json!({ "initContainerStatuses": [{ "name": name, "state": terminated(json!({})) }] });
        let mut deleted = pod(ended(terminated(json!({}))));
        deleted["metadata"]["deletionTimestamp"] = json!("2026-11-25T00:00:30Z");
        for (case, pod) in [
            ("terminated", pod(ended(terminated(json!({}))))),
            ("out of memory", pod(ended(terminated(json!({ "reason": "OOMKilled" }))))),
            ("completed", pod(ended(terminated(json!({ "reason": "Completed", "exitCode": 0 }))))),
            ("restarted", pod(json!({ "containerStatuses": [running(terminated(json!({})))] }))),
            ("one of several containers", pod(json!({ "containerStatuses": [sidecar, beside] }))),
            ("an init container that stays", pod(init("proxy"))),
            ("more was said", pod(ended(terminated(json!({ "message": format!("a\n{}panicked", mark()) }))))),
            ("the last state of a pod that is deleted", deleted),
        ] {
            assert!(is_dead(pod), "{case}");
        }
    }

    #[test]
    fn everything_else_is_no_proof() {
        let with = |fields| pod(ended(terminated(fields)));
        let in_metadata = |field: &str, value: &str| {
            let mut pod = with(json!({}));
            pod["metadata"][field] = json!(value);
            pod
        };
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff", "message": mark() } });
        let other = format!("{MARK}orders-0_{UID}_5f0c4d1e9a7b3c22\n");
        let mut deleted = pod(json!({ "containerStatuses": [running(json!({}))] }));
        deleted["metadata"]["deletionTimestamp"] = json!("2026-11-25T00:00:30Z");
        let not_ready = json!({
            "conditions": [{ "type": "Ready", "status": "False" }], "containerStatuses": [running(json!({}))],
        });
        for (case, pod) in [
            ("it runs", pod(json!({ "containerStatuses": [running(json!({}))] }))),
            ("it waits", pod(json!({ "containerStatuses": [{ "name": "orders", "state": waiting }] }))),
            ("another uid", in_metadata("uid", "6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c12")),
            ("another name", in_metadata("name", "orders-1")),
            ("another process of the container", with(json!({ "message": other }))),
            ("no message", with(json!({ "message": null }))),
            ("no mark", with(json!({ "message": "killed\n" }))),
            ("a part of a line of the log", with(json!({ "message": format!("\"{}\"", mark().trim()) }))),
            ("the beginning of a longer line", with(json!({ "message": format!("{}0", mark().trim()) }))),
            ("the end of a longer line", with(json!({ "message": format!("# {}", mark()) }))),
            ("the status is unknown", with(json!({ "reason": "ContainerStatusUnknown", "containerID": null }))),
            ("unknown, with an id", with(json!({ "reason": "ContainerStatusUnknown" }))),
            ("the runtime has lost it", with(json!({ "reason": "Unknown", "exitCode": 255 }))),
            ("no reason", with(json!({ "reason": null }))),
            ("no id", with(json!({ "containerID": null }))),
            ("an empty id", with(json!({ "containerID": "" }))),
            (
                "an init container that ends",
                pod(json!({
                    "initContainerStatuses": [{ "name": "migrate", "state": terminated(json!({})) }]
                })),
            ),
            (
                "an unknown init container",
                pod(json!({
                    "initContainerStatuses": [{ "state": terminated(json!({})) }]
                })),
            ),
            (
                "a container for debugging",
                pod(json!({
                    "ephemeralContainerStatuses": [{ "name": "orders", "state": terminated(json!({})) }]
                })),
            ),
            ("failed", pod(json!({ "phase": "Failed", "message": mark(), "reason": "NodeLost" }))),
            ("succeeded", pod(json!({ "phase": "Succeeded" }))),
            ("deleted", deleted),
            ("not ready", pod(not_ready)),
            ("no status", pod(json!(null))),
            ("garbage", pod(json!({ "containerStatuses": { "state": [7, null] } }))),
            ("more garbage", pod(json!({ "containerStatuses": [7, null, [], { "state": "terminated" }] }))),
        ] {
            assert!(!is_dead(pod), "{case}");
        }
    }

    #[test]
    fn only_an_identity_with_a_pod_and_a_uid_is_asked_after() {
        let holder = HolderPod::of(IDENTITY).unwrap();
        assert_eq!((&*holder.name, &*holder.uid, holder.mark), ("orders-0", UID, mark().trim().to_owned()));
        for other in [
            "",
            "another program",
            "orders-0_5f0c4d1e9a7b3c21",
            "orders-0_6b0e_5f0c4d1e9a7b3c2",
            "orders-0_6b0e_5f0c4d1e9a7b3c2x",
            "orders-0__5f0c4d1e9a7b3c21",
            "_6b0e_5f0c4d1e9a7b3c21",
            "../secrets/x_6b0e_5f0c4d1e9a7b3c21",
            "a/b_6b0e_5f0c4d1e9a7b3c21",
            "a?watch=1_6b0e_5f0c4d1e9a7b3c21",
        ] {
            assert_eq!(HolderPod::of(other), None, "{other}");
        }
    }
}
