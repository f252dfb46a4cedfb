//! What the manifest contains. Scenarios apply it to a real API server.

use super::*;

fn policies() -> Policies {
    let ledgers = GuardedResource::new("example.com", "ledgers").versions(["v1", "v2"]).with_status();
    Policies::for_lease("orders").namespace("shop").service_account("runner").guard(ledgers)
}

/// The lines of one object, without indentation.
fn object<'a>(manifest: &'a str, kind: &str, name: &str) -> Vec<&'a str> {
    let (kind, name) = (format!("kind: {kind}\n"), format!("metadata:\n  name: {name}\n"));
    let found: Vec<_> = manifest.split("---\n").filter(|text| text.contains(&kind) && text.contains(&name)).collect();
    assert_eq!(found.len(), 1, "{kind}{name}{manifest}");
    found[0].lines().map(str::trim_start).collect()
}

fn has(lines: &[&str], wanted: &[&str]) {
    for line in wanted {
        assert!(lines.contains(line), "{line}\n{}", lines.join("\n"));
    }
}

#[test]
fn the_manifest_is_this_text() {
    assert_eq!(policies().manifest().unwrap(), include_str!("expected.yaml"));
}

#[test]
fn tokens_are_compared_in_the_object_and_in_its_status() {
    let manifest = policies().manifest().unwrap();
    let lines = object(&manifest, "ValidatingAdmissionPolicy", "shop.orders.token");
    has(
        &lines,
        &[
            "operations: [\"UPDATE\", \"DELETE\"]",
            "resources: [\"ledgers\", \"ledgers/status\"]",
            "apiVersions: [\"v1\", \"v2\"]",
            "expression: \"oldObject.metadata.?annotations[?'fence.lease-runtime.dev/orders'].orValue('')\"",
            "expression: \"object.metadata.?annotations[?'fence.lease-runtime.dev/orders'].orValue('')\"",
            "expression: \"string(oldObject.?status.?fencingToken.orValue(''))\"",
            "expression: \"string(object.?status.?fencingToken.orValue(''))\"",
            "failurePolicy: Fail",
        ],
    );
    // For everybody, and by no copy of the Lease.
    assert!(!lines.iter().any(|line| line.starts_with("matchConditions") || line.starts_with("paramKind")));
}

#[test]
fn without_a_status_only_the_annotation_is_compared() {
    let configmaps = GuardedResource::new("", "configmaps");
    let policies = Policies::for_lease("orders").namespace("shop").service_account("runner").guard(configmaps);
    let manifest = policies.manifest().unwrap();
    assert!(!manifest.contains("status"), "{manifest}");
    has(
        &object(&manifest, "ValidatingAdmissionPolicy", "shop.orders.token"),
        &[
            "- apiGroups: [\"\"]",
            "apiVersions: [\"*\"]",
            "resources: [\"configmaps\"]",
            "expression: variables.oldStamp",
        ],
    );
}

#[test]
fn a_candidate_deletes_only_the_version_that_it_has_seen() {
    let manifest = policies().manifest().unwrap();
    has(
        &object(&manifest, "ValidatingAdmissionPolicy", "shop.orders.token"),
        &["- expression: \"request.operation != 'DELETE' || !variables.candidate || \
         request.?options.?preconditions.?resourceVersion.orValue('') != ''\""],
    );
}

#[test]
fn the_holder_is_known_by_the_uid_of_its_pod() {
    let manifest = policies().manifest().unwrap();
    has(
        &object(&manifest, "ValidatingAdmissionPolicy", "shop.orders.holder"),
        &[
            "expression: \"request.userInfo.?extra[?'authentication.kubernetes.io/pod-uid'][?0].orValue('')\"",
            "expression: \"params.?spec.?holderIdentity.orValue('').split('_')\"",
            "- expression: \"variables.pod != '' && variables.holder.size() >= 3 && \
         variables.holder[variables.holder.size() - 2] == variables.pod\"",
            "operations: [\"CREATE\", \"UPDATE\", \"DELETE\"]",
        ],
    );
}

#[test]
fn the_holder_policy_is_about_candidates_alone_and_denies_without_a_lease() {
    let manifest = policies().manifest().unwrap();
    has(
        &object(&manifest, "ValidatingAdmissionPolicy", "shop.orders.holder"),
        &[
            "matchConditions:",
            "expression: \"request.userInfo.username == 'system:serviceaccount:shop:runner'\"",
            "failurePolicy: Fail",
        ],
    );
    has(
        &object(&manifest, "ValidatingAdmissionPolicyBinding", "shop.orders.holder"),
        &["parameterNotFoundAction: Deny", "validationActions: [\"Deny\"]", "kubernetes.io/metadata.name: shop"],
    );
}

#[test]
fn the_keeper_matches_nothing_and_is_there_with_the_holder_policy() {
    let manifest = policies().manifest().unwrap();
    has(&object(&manifest, "ValidatingAdmissionPolicy", "keep-lease-params"), &["operations: [\"CONNECT\"]"]);
    has(
        &object(&manifest, "ValidatingAdmissionPolicyBinding", "keep-lease-params"),
        &["parameterNotFoundAction: Allow", "validationActions: [\"Audit\"]"],
    );
    let names = |manifest: &str| {
        let lines = manifest.lines().filter_map(|line| line.strip_prefix("  name: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (holder, token) = (["keep-lease-params", "shop.orders.holder"], ["shop.orders.token"]);
    let twice = |names: &[&str]| names.iter().flat_map(|name| [*name; 2]).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&policies().holder_only().manifest().unwrap()), twice(&holder));
    assert_eq!(names(&policies().token_only().manifest().unwrap()), twice(&token));
    assert_eq!(names(&manifest), twice(&[&holder[..], &token].concat()));
}

#[test]
fn what_must_not_be_guarded_is_refused() {
    for (group, resource) in [
        ("coordination.k8s.io", "leases"),
        ("", "leases"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ] {
        let error = policies().guard(GuardedResource::new(group, resource)).manifest().unwrap_err();
        assert!(matches!(&error, PoliciesError::NotGuardable { resource: named, .. } if named == resource), "{error}");
    }
    assert!(policies().guard(GuardedResource::new("example.com", "leases")).manifest().is_ok());
}

#[test]
fn a_name_that_kubernetes_does_not_have_is_refused() {
    let name = |what: &str, policies: Policies| match policies.manifest() {
        Err(PoliciesError::Name { what: found, .. }) => assert_eq!(found, what),
        other => panic!("{what}: {other:?}"),
    };
    for wrong in ["*", "Ledgers", "ledgers/status", "", "a'b", "a\nb", "-a"] {
        name("resource", policies().guard(GuardedResource::new("example.com", wrong)));
        name("version", policies().guard(GuardedResource::new("example.com", "ledgers").versions([wrong])));
        name("service account", policies().service_account(wrong));
    }
    for wrong in ["*", "Example.com", "a'b"] {
        name("API group", policies().guard(GuardedResource::new(wrong, "ledgers")));
    }
    let spec = |policies: Policies| matches!(policies.manifest(), Err(PoliciesError::Spec(_)));
    assert!(spec(policies().namespace("a.b")) && spec(Policies { lease: "a'b".to_owned(), ..policies() }));
}

#[test]
fn the_name_of_a_lease_must_fit_into_the_annotation() {
    let of_length = |length| Policies { lease: "x".repeat(length), ..policies() }.manifest();
    assert!(of_length(63).is_ok());
    let error = of_length(64).unwrap_err();
    assert!(matches!(error, PoliciesError::LeaseNameLength { .. }), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let guarded = GuardedResource::new("", "configmaps");
    let error = Policies::for_lease("orders").guard(guarded.clone()).manifest().unwrap_err();
    assert!(matches!(error, PoliciesError::Missing { what: "namespace" }), "{error}");
    let error = Policies::for_lease("orders").namespace("shop").guard(guarded).manifest().unwrap_err();
    assert_eq!(format!("{error:?}"), "Missing: the service account is not set: call the method of that name");
    let error = Policies::for_lease("orders").namespace("shop").service_account("orders").manifest().unwrap_err();
    assert!(matches!(error, PoliciesError::NothingGuarded), "{error}");
}
