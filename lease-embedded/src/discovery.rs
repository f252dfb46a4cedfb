//! Answers about the API itself: version, health, groups and resources, as far as clients read them when they start.

use http::Response;
use serde_json::{Value, json};

use super::body::Body;
use super::resource::{self, Resource};
use super::response;

/// The Kubernetes version that this API follows.
const MINOR: &str = "37";

/// The answer to a `GET` of `path` (without slashes at its ends), if there is one.
pub(crate) fn answer(path: &str) -> Option<Response<Body>> {
    let object = match path {
        "healthz" | "livez" | "readyz" => return Some(response::raw(200, "text/plain; charset=utf-8", "ok")),
        "version" => json!({
            "major": "1",
            "minor": MINOR,
            "gitVersion": format!("v1.{MINOR}.0+embedded"),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "",
            "platform": "embedded",
        }),
        "" => json!({ "paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"] }),
        "api" => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        "api/v1" => resources("", "v1"),
        "apis" => {
            let groups: Vec<Value> = groups().iter().map(|group| group_object(group)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        path => match path.split('/').collect::<Vec<_>>().as_slice() {
            ["apis", group] if groups().contains(group) => {
                let mut object = group_object(group);
                object["kind"] = Value::from("APIGroup");
                object["apiVersion"] = Value::from("v1");
                object
            }
            ["apis", group, "v1"] if groups().contains(group) => resources(group, &format!("{group}/v1")),
            _ => return None,
        },
    };
    Some(response::raw(200, "application/json", object.to_string()))
}

fn groups() -> Vec<&'static str> {
    resource::ALL.iter().map(|resource| resource.group).filter(|group| !group.is_empty()).collect()
}

fn group_object(group: &str) -> Value {
    let version = json!({ "groupVersion": format!("{group}/v1"), "version": "v1" });
    json!({ "name": group, "versions": [version.clone()], "preferredVersion": version })
}

fn resources(group: &str, group_version: &str) -> Value {
    let of_group = resource::ALL.into_iter().filter(|resource| resource.group == group);
    let list: Vec<Value> = of_group.map(describe).collect();
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": list })
}

fn describe(resource: &Resource) -> Value {
    let mut verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    if !resource.namespaced {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    let mut object = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": verbs,
    });
    if !resource.short.is_empty() {
        object["shortNames"] = json!(resource.short);
    }
    object
}
