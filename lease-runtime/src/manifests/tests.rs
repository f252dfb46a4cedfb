//! What the manifests contain. Scenarios apply them to a real API server.

use std::time::Duration;

use super::*;
use crate::lease::LeaseId;
use crate::spec::Traffic;

fn needs(leases: &[(&str, &str)]) -> ManifestNeeds {
    ManifestNeeds {
        namespace: "shop".to_owned(),
        leases: leases.iter().map(|(namespace, name)| (LeaseId::new(*namespace, *name), Traffic::default())).collect(),
        longest_end: Duration::from_secs(10),
        release_timeout: Duration::from_secs(5),
        events: true,
        death_reports: false,
        refused: None,
    }
}

fn builder(leases: &[(&str, &str)]) -> ManifestsBuilder {
    ManifestsBuilder::new("orders".to_owned(), needs(leases))
}

const ONE: &[(&str, &str)] = &[("shop", "ledger")];

#[test]
fn one_lease_needs_one_role_that_is_limited_to_it() {
    let manifests = builder(ONE).build().unwrap();
    let role = "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  namespace: shop
  name: orders-leader
rules:
  - apiGroups: [\"coordination.k8s.io\"]
    resources: [\"leases\"]
    resourceNames: [\"ledger\"]
    verbs: [\"get\", \"create\", \"update\", \"watch\"]
  - apiGroups: [\"events.k8s.io\"]
    resources: [\"events\"]
    verbs: [\"create\"]
---
";
    assert!(manifests.to_yaml().starts_with(role), "{manifests}");
    let kinds: Vec<_> = manifests.to_yaml().lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["Role", "RoleBinding", "PodDisruptionBudget"]);
    assert_eq!(manifests.to_string(), manifests.to_yaml());
}

#[test]
fn a_candidate_that_writes_no_events_is_granted_none() {
    let needs = ManifestNeeds { events: false, ..needs(ONE) };
    let manifests = ManifestsBuilder::new("orders".to_owned(), needs).build().unwrap();
    assert!(!manifests.to_yaml().contains("events"), "{manifests}");
    assert!(!builder(ONE).build().unwrap().flow_schema().contains("events"), "Events are less urgent than Leases");
}

#[test]
fn a_candidate_that_reads_death_reports_is_granted_pods() {
    let rule = "  - apiGroups: [\"\"]\n    resources: [\"pods\"]\n    verbs: [\"get\"]\n";
    let needs = ManifestNeeds { death_reports: true, ..needs(ONE) };
    let manifests = ManifestsBuilder::new("orders".to_owned(), needs).build().unwrap();
    assert_eq!(manifests.to_yaml().matches(rule).count(), 1, "{manifests}");
    assert!(!builder(ONE).build().unwrap().to_yaml().contains("pods"), "off by default");
}

#[test]
fn the_watch_of_a_namespace_is_granted_where_it_is_used() {
    let names = ["a", "b", "c", "d", "e"].map(|name| ("shop", name));
    let all = "  - apiGroups: [\"coordination.k8s.io\"]\n    resources: [\"leases\"]\n    verbs: [\"watch\"]\n";
    let four = builder(&names[..4]).build().unwrap();
    assert!(!four.to_yaml().contains(all) && four.to_yaml().contains("[\"a\", \"b\", \"c\", \"d\"]"), "{four}");
    let five = builder(&names).build().unwrap();
    assert_eq!(five.to_yaml().matches(all).count(), 1, "{five}");
    // Each namespace has a watch of its own.
    let apart = names.map(|(_, name)| (if name == "e" { "books" } else { "shop" }, name));
    assert!(!builder(&apart).build().unwrap().to_yaml().contains(all));
}

#[test]
fn a_lease_in_another_namespace_has_its_role_there_for_the_account_of_the_pods() {
    let manifests = builder(&[("books", "ledger"), ("shop", "orders")]).build().unwrap();
    let books = "  namespace: books\n  name: shop-orders-leader\n";
    assert_eq!(manifests.to_yaml().matches(books).count(), 2, "{manifests}");
    let account = "  - kind: ServiceAccount\n    namespace: shop\n    name: orders\n";
    assert_eq!(manifests.to_yaml().matches(account).count(), 2, "{manifests}");
    assert!(manifests.flow_schema().contains("namespaces: [\"books\", \"shop\"]"), "{}", manifests.flow_schema());
}

#[test]
fn the_pod_has_time_for_the_longest_grace_and_the_release() {
    for (grace, release, seconds) in
        [(10_000, 5_000, 16), (0, 0, 1), (9_001, 5_000, 16), (u64::MAX, 0, 18_446_744_073_709_553_u64)]
    {
        let (longest_end, release_timeout) = (Duration::from_millis(grace), Duration::from_millis(release));
        let needs = ManifestNeeds { longest_end, release_timeout, ..needs(ONE) };
        let manifests = ManifestsBuilder::new("orders".to_owned(), needs).build().unwrap();
        let line = format!("terminationGracePeriodSeconds: {seconds} #");
        assert!(manifests.deployment_patch().contains(&line), "{line}\n{}", manifests.deployment_patch());
    }
    let needs = ManifestNeeds { longest_end: Duration::MAX, ..needs(ONE) };
    let manifests = ManifestsBuilder::new("orders".to_owned(), needs).build().unwrap();
    assert!(manifests.deployment_patch().contains(": 9223372036854775807 #"), "{}", manifests.deployment_patch());
}

#[test]
fn probes_are_added_only_for_a_program_that_answers_them() {
    assert!(!builder(ONE).build().unwrap().deployment_patch().contains("Probe"));
    let patch = builder(ONE).probes(8080).build().unwrap().deployment_patch().to_owned();
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        let lines = format!(
            "          {probe}:\n            httpGet:\n              path: \"{path}\"\n              port: 8080\n"
        );
        assert!(patch.contains(&lines), "{lines}\n{patch}");
    }
}

#[test]
fn the_state_directory_is_mounted_where_the_variable_says() {
    let patch = builder(ONE).build().unwrap().deployment_patch().to_owned();
    for lines in [
        "            - name: LEASE_STATE_DIR\n              value: \"/run/lease-runtime\"\n",
        "          volumeMounts:\n            - name: lease-state\n              mountPath: \"/run/lease-runtime\"\n",
        "      volumes:\n        - name: lease-state\n          emptyDir:\n            medium: Memory\n            sizeLimit: \"1Mi\"\n",
    ] {
        assert!(patch.contains(lines), "{lines}\n{patch}");
    }
}

#[test]
fn the_component_of_kustomize_has_all_objects_and_the_patch_without_a_namespace() {
    let manifests = builder(ONE).pod_label("namespace", "shop").probes(8080).build().unwrap();
    let [(_, component), (objects_name, objects), (patch_name, patch)] = manifests.kustomize_component().unwrap();
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources:\n  - {objects_name}\npatches:\n  - path: {patch_name}\n"
    );
    assert_eq!(component, text);
    // Only the namespace of the objects and of the service account is left out, and no label of that name.
    let without = |text: &str| text.replace("\n  namespace: shop", "").replace("\n    namespace: shop", "");
    assert_eq!(objects, without(manifests.to_yaml()));
    assert_eq!(patch, without(manifests.deployment_patch()));
    assert_eq!((objects.matches("namespace: shop").count(), patch.matches("namespace: shop").count()), (1, 1));
    assert_eq!(objects.matches("---\n").count(), 2, "{objects}");
}

#[test]
fn a_component_of_kustomize_has_no_lease_in_another_namespace() {
    for leases in [&[("books", "ledger")][..], &[("books", "ledger"), ("shop", "orders")]] {
        let error = builder(leases).build().unwrap().kustomize_component().unwrap_err();
        assert!(matches!(&error, ManifestsError::OtherNamespace { namespace } if namespace == "books"), "{error}");
    }
}

#[test]
fn names_can_be_chosen() {
    let manifests = builder(ONE).service_account("runner.v1").container("main").pod_label("app", "no").build().unwrap();
    let patch = manifests.deployment_patch();
    assert!(patch.contains("serviceAccountName: runner.v1\n") && patch.contains("- name: main\n"), "{patch}");
    assert_eq!(manifests.to_yaml().matches("      app: \"no\"\n").count(), 1, "{manifests}");
    assert!(manifests.to_yaml().contains("    name: runner.v1\n"), "{manifests}");
    assert!(manifests.flow_schema().contains("name: runner.v1\n"), "{}", manifests.flow_schema());
}

#[test]
fn what_kubernetes_would_refuse_is_refused() {
    let long = "x".repeat(64);
    for name in ["", "Orders", "a.b", "-a", "a\nb", &*long] {
        let error = ManifestsBuilder::new(name.to_owned(), needs(ONE)).build().unwrap_err();
        assert!(matches!(&error, ManifestsError::Name { what: "application", .. }), "{name}: {error}");
        assert!(builder(ONE).container(name).build().is_err(), "{name}");
    }
    assert!(matches!(builder(ONE).service_account("A").build(), Err(ManifestsError::Name { .. })));
    assert!(matches!(builder(ONE).pod_label("a b", "x").build(), Err(ManifestsError::Label { .. })));
    assert!(matches!(builder(&[]).build(), Err(ManifestsError::NoTasks)));
}

fn with_traffic(of_each: &[(&str, bool, Option<&str>)]) -> Manifests {
    let leases = of_each.iter().map(|(lease, label, service)| {
        (LeaseId::new("shop", *lease), Traffic { label: *label, service: service.map(Into::into) })
    });
    let needs = ManifestNeeds { leases: leases.collect(), ..needs(ONE) };
    ManifestsBuilder::new("orders".to_owned(), needs).build().unwrap()
}

/// The rules of the Role for traffic, one on each line, without indentation.
fn traffic_rules(manifests: &Manifests) -> Vec<String> {
    let documents = manifests.to_yaml().split("---\n");
    let role =
        documents.filter(|document| document.contains("kind: Role\n") && document.contains("name: orders-traffic\n"));
    let rules: Vec<_> = role.filter_map(|role| role.split_once("rules:\n")).map(|(_, rules)| rules).collect();
    rules.concat().replace("\n    ", " ").lines().map(|rule| rule.trim_start_matches("  - ").to_owned()).collect()
}

#[test]
fn traffic_is_granted_where_a_lease_asks_for_it() {
    let neither = with_traffic(&[("ledger", false, None)]);
    assert_eq!(neither, builder(ONE).build().unwrap());
    assert!(neither.admission_policy().is_none() && !neither.deployment_patch().contains("POD_IP"));
    let label = with_traffic(&[("ledger", true, None)]);
    assert_eq!(traffic_rules(&label), ["apiGroups: [\"\"] resources: [\"pods\"] verbs: [\"patch\"]"]);
    assert!(!label.deployment_patch().contains("POD_IP"), "{}", label.deployment_patch());
    // One second more, until the label is removed.
    assert!(label.deployment_patch().contains("terminationGracePeriodSeconds: 17 #"), "{}", label.deployment_patch());
    let all = with_traffic(&[("a", true, Some("orders")), ("b", false, Some("bills")), ("c", false, None)]);
    let rules = [
        "apiGroups: [\"\"] resources: [\"pods\"] verbs: [\"get\", \"patch\"]",
        "apiGroups: [\"\"] resources: [\"services\"] resourceNames: [\"bills\", \"orders\"] verbs: [\"get\"]",
        "apiGroups: [\"discovery.k8s.io\"] resources: [\"endpointslices\"] resourceNames: [\"bills-leader\", \"orders-leader\"] \
         verbs: [\"get\", \"update\"]",
        "apiGroups: [\"discovery.k8s.io\"] resources: [\"endpointslices\"] verbs: [\"create\"]",
    ];
    assert_eq!(traffic_rules(&all), rules);
    for line in ["- name: POD_IP\n", "fieldPath: status.podIP\n", "- name: NODE_NAME\n"] {
        assert_eq!(all.deployment_patch().matches(line).count(), 1, "{line}\n{}", all.deployment_patch());
    }
    let service = with_traffic(&[("b", false, Some("bills"))]);
    assert!(traffic_rules(&service)[0].ends_with("verbs: [\"get\"]") && service.admission_policy().is_none());
}

#[test]
fn the_policy_is_about_the_service_account_and_its_own_pod() {
    let label = with_traffic(&[("ledger", true, None)]);
    let policy = label.admission_policy().unwrap();
    let kinds: Vec<_> = policy.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    assert_eq!(kinds, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]);
    assert_eq!(policy.matches("shop-orders-leader\n").count(), 3, "{policy}");
    assert!(policy.contains("request.userInfo.username == 'system:serviceaccount:shop:orders'"), "{policy}");
}
