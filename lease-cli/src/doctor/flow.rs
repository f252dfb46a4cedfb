//! Which priority the API server gives to the requests of the election.

use kube::Error;
use serde_json::{Value, json};

use super::access::{Account, NamedAccount, why};
use super::finding::{Finding, Status};
use crate::cluster::Cluster;

const SCHEMAS: &str = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas";
const REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
/// The priority levels that a cluster has for everybody else.
const SHARED: [&str; 4] = ["workload-high", "workload-low", "global-default", "catch-all"];

/// Not being allowed to read this is no failure: an election does not need it.
pub(super) async fn check(cluster: &Cluster, account: &Account) -> Finding {
    match serving(cluster, account).await {
        Ok(Some((schema, level))) if SHARED.contains(&&*level) => {
            let text = format!(
                "requests for leases share the priority level {level} with those of other programs (FlowSchema {schema}): apply the \
                 FlowSchema of `Candidate::manifests`, or a busy cluster may delay renewals"
            );
            Finding::new(Status::Warning, text)
        }
        Ok(Some((schema, level))) => {
            let text = format!("requests for leases have the priority level {level} (FlowSchema {schema})");
            Finding::new(Status::Ok, text)
        }
        Ok(None) => Finding::new(Status::Ok, "no FlowSchema serves requests for leases"),
        Err(error) => {
            Finding::new(Status::Ok, format!("the FlowSchemas cannot be read, which is not needed: {}", why(&error)))
        }
    }
}

/// The FlowSchema that the server chooses, and its priority level.
async fn serving(cluster: &Cluster, account: &Account) -> Result<Option<(String, String)>, Error> {
    let account = match &account.named {
        Some(named) => named.clone(),
        None => {
            let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
            user_of(&cluster.post(REVIEW, &review).await?)
        }
    };
    let schemas = cluster.get(SCHEMAS).await?;
    let mut schemas: Vec<&Value> = schemas["items"].as_array().into_iter().flatten().collect();
    // As the server does: the lowest number first, and the first name among equals.
    let order = |schema: &&Value| {
        (
            schema["spec"]["matchingPrecedence"].as_i64().unwrap_or(i64::MAX),
            text(&schema["metadata"]["name"]).to_owned(),
        )
    };
    schemas.sort_by_key(order);
    let serves = |schema: &&Value| {
        let rules = schema["spec"]["rules"].as_array();
        rules.into_iter().flatten().any(|rule| matches(rule, &account, &cluster.namespace))
    };
    let name = |schema: &Value| {
        let level = &schema["spec"]["priorityLevelConfiguration"]["name"];
        (text(&schema["metadata"]["name"]).to_owned(), text(level).to_owned())
    };
    Ok(schemas.into_iter().find(serves).map(name))
}

/// The user in the answer to a review, whatever that answer is.
fn user_of(review: &Value) -> NamedAccount {
    let user = &review["status"]["userInfo"];
    NamedAccount { user: text(&user["username"]).to_owned(), groups: texts(&user["groups"]) }
}

/// Whether a rule is about updates of Leases by this account.
fn matches(rule: &Value, account: &NamedAccount, namespace: &str) -> bool {
    let has = |list: &Value, word: &str| texts(list).iter().any(|item| item == word || item == "*");
    let subject = |subject: &Value| match text(&subject["kind"]) {
        "User" => [&*account.user, "*"].contains(&text(&subject["user"]["name"])),
        "Group" => {
            let group = text(&subject["group"]["name"]);
            group == "*" || account.groups.iter().any(|name| name == group)
        }
        "ServiceAccount" => {
            let (of, name) = (text(&subject["serviceAccount"]["namespace"]), text(&subject["serviceAccount"]["name"]));
            let prefix = format!("system:serviceaccount:{of}:");
            account.user.strip_prefix(&prefix).is_some_and(|account| name == "*" || name == account)
        }
        _ => false,
    };
    let resource = |resource: &Value| {
        has(&resource["verbs"], "update")
            && has(&resource["apiGroups"], "coordination.k8s.io")
            && has(&resource["resources"], "leases")
            && has(&resource["namespaces"], namespace)
    };
    let any = |list: &Value, holds: &dyn Fn(&Value) -> bool| list.as_array().into_iter().flatten().any(holds);
    any(&rule["subjects"], &subject) && any(&rule["resourceRules"], &resource)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_review_names_nobody() {
        for review in [json!([]), json!("x"), json!(7), Value::Null, json!({ "status": [{ "userInfo": 7 }] })] {
            assert_eq!((user_of(&review).user, user_of(&review).groups.len()), (String::new(), 0));
        }
        let review = json!({ "status": { "userInfo": { "username": "me", "groups": ["a", 7] } } });
        assert_eq!((user_of(&review).user, user_of(&review).groups), ("me".to_owned(), vec!["a".to_owned()]));
    }

    #[test]
    fn a_rule_is_for_its_subjects_and_requests() {
        let account = NamedAccount {
            user: "system:serviceaccount:jobs:billing".to_owned(),
            groups: vec!["system:serviceaccounts".to_owned()],
        };
        let rule = |subject: &Value, verb: &str, namespace: &str| {
            json!({ "subjects": [subject], "resourceRules": [{
                "verbs": [verb], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "namespaces": [namespace],
            }] })
        };
        let this = json!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "jobs", "name": "billing" } });
        let group = json!({ "kind": "Group", "group": { "name": "system:serviceaccounts" } });
        let user = json!({ "kind": "User", "user": { "name": "system:serviceaccount:jobs:billing" } });
        for subject in [&this, &group, &user] {
            assert!(matches(&rule(subject, "update", "jobs"), &account, "jobs"));
            assert!(matches(&rule(subject, "*", "*"), &account, "jobs"));
            assert!(!matches(&rule(subject, "get", "jobs"), &account, "jobs"));
            assert!(!matches(&rule(subject, "update", "shop"), &account, "jobs"));
        }
        let other = json!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "shop", "name": "billing" } });
        assert!(!matches(&rule(&other, "*", "*"), &account, "jobs"));
        assert!(!matches(&json!({ "subjects": "x", "resourceRules": 7 }), &account, "jobs"));
    }
}
