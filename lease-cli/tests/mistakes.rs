//! Mistakes of a user: each command says what is wrong and what to do, and changes nothing.

use lease_runtime::embedded::{Fault, RequestMatcher, Verb};

use crate::reading::billing;
use crate::world::World;

/// The commands that operate a Lease, for this one.
fn operations(lease: &str) -> [Vec<&str>; 6] {
    [
        vec!["pause", lease, "report", "x"],
        vec!["resume", lease, "report"],
        vec!["trigger", lease, "report", "ticket-4711"],
        vec!["backfill", lease, "report", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
        vec!["step-down", lease],
        vec!["transfer", lease, "--to", "pod-8_0011223344556677"],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_there_is_named_with_its_namespace() {
    let world = World::new("missing-lease").await;
    billing(&world);
    let missing = "error: there is no lease `biling` in namespace `jobs`: `list` shows those that exist, and -n names another \
                   namespace\n";
    let described = [vec!["describe", "biling"], vec!["describe", "biling", "-o", "json"]];
    for arguments in described.into_iter().chain(operations("biling")) {
        assert_eq!(world.fails(&arguments).await, missing, "{arguments:?}");
    }
    for arguments in operations("shop/billing") {
        assert_eq!(
            world.fails(&arguments).await,
            missing.replace("biling", "billing").replace("`jobs`", "`shop`"),
            "{arguments:?}"
        );
    }
    assert!(world.api.lease_json("jobs", "biling").is_none() && world.api.lease_json("shop", "billing").is_none());
    for arguments in [&["list", "biling"][..], &["list", "biling", "-w"], &["list", "biling", "-o", "json"]] {
        let said = world.fails(arguments).await;
        assert_eq!(said, "error: `list` shows all leases of a namespace: for one of them, use `describe biling`\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named_and_nothing_is_changed() {
    let world = World::new("missing-permission").await;
    billing(&world);
    let before = world.api.lease_json("jobs", "billing");
    for (refused, verb) in [(Verb::Get, "get"), (Verb::Update, "update")] {
        let message = format!(
            "leases.coordination.k8s.io \"billing\" is forbidden: User \"operator\" cannot {verb} resource \"leases\" in API group \
             \"coordination.k8s.io\" in the namespace \"jobs\""
        );
        let refusal = world.api.inject(RequestMatcher::verb(refused), Fault::status(403).message(&message));
        for arguments in operations("billing") {
            if verb == "update" && arguments[0] == "resume" {
                // The task is not paused, so there is nothing to write.
                world.prints(&arguments).await;
                continue;
            }
            let said = world.fails(&arguments).await;
            let needs = "ask for `get` and `update` on leases in namespace `jobs`\n";
            assert_eq!(said, format!("error: the API server refuses this, {message}: {needs}"), "{arguments:?}");
        }
        refusal.remove();
    }
    assert_eq!(world.api.lease_json("jobs", "billing"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_does_not_answer_is_told_from_one_that_fails() {
    let world = World::new("no-answer").await;
    let broken = world.api.inject(RequestMatcher::any(), Fault::status(500).message("etcd is gone\u{1b}[2J"));
    let said = world.fails(&["list"]).await;
    let reason = "500, etcd is gone\\u{1b}[2J";
    assert_eq!(
        said,
        format!("error: the leases cannot be read ({reason}): look for what is wrong with the API server\n")
    );
    broken.remove();
    let config = std::fs::read_to_string(world.dir.join("config")).unwrap();
    let (before, after) = config.split_once("127.0.0.1:").unwrap();
    let (_, after) = after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap());
    std::fs::write(world.dir.join("config"), format!("{before}127.0.0.1:1{after}")).unwrap();
    let said = world.fails(&["describe", "billing"]).await;
    assert!(said.ends_with("): check the address in the kubeconfig, and the network\n"), "{said}");
}

/// A candidate is a program with a Role, so it prints the Role.
#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_without_permissions_prints_the_role_that_it_needs() {
    let world = World::new("exec-forbidden").await;
    let message = "leases.coordination.k8s.io \"job\" is forbidden: User \"operator\" cannot get resource \"leases\" in API group \
                   \"coordination.k8s.io\" in the namespace \"jobs\"";
    world.api.inject(RequestMatcher::leases(), Fault::status(403).message(message));
    let output = world.run(&["exec", "--lease", "job", "--", "touch", "ran"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "error: cannot take part in the election of lease `jobs/job`: `operator` may not get leases `job` in namespace `jobs`: apply \
         this Role and RoleBinding\n",
        "resourceNames: [\"job\"]",
        "verbs: [\"get\", \"create\", \"update\", \"watch\"]",
        "kind: RoleBinding",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    assert!(!world.dir.join("ran").exists() && world.api.lease_json("jobs", "job").is_none());
}
