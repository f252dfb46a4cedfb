//! The manifests on the page about deployment are those that a program prints.

use lease_runtime::embedded::EmbeddedApi;
use lease_runtime::{Candidate, LeaderTask, LeaseSpec, Manifests};

const PAGE: &str = include_str!("../../docs/deployment.md");

/// The manifests of a program with these leases and the default settings.
async fn manifests(leases: &[&str]) -> Manifests {
    let client = EmbeddedApi::new().client_as("docs", "shop");
    let candidate = Candidate::builder().client(client).namespace("shop").build().await.unwrap();
    for lease in leases {
        candidate.add(LeaderTask::new("sync", LeaseSpec::unnamed(), |_| async {}).lease(*lease));
    }
    candidate.manifests("ledger").probes(8080).build().unwrap()
}

/// The page with these texts in the YAML blocks of its section, in their order.
fn with_blocks(page: &str, texts: &[&str]) -> String {
    const FENCE: &str = "```yaml\n";
    let (before, section) = page.split_once("\n## Manifests\n").expect("a section \"Manifests\"");
    let (section, after) = section.split_once("\n## ").expect("a section after it");
    let mut parts = section.split(FENCE);
    let mut made = format!("{before}\n## Manifests\n{}", parts.next().unwrap());
    let parts: Vec<&str> = parts.collect();
    assert_eq!(parts.len(), texts.len(), "YAML blocks in the section \"Manifests\"");
    for (part, text) in parts.iter().zip(texts) {
        let (_, rest) = part.split_once("```").expect("the end of a block");
        made.push_str(&format!("{FENCE}{text}```{rest}"));
    }
    format!("{made}\n## {after}")
}

/// With `UPDATE_EXPECT=1`, writes the page instead.
#[tokio::test]
async fn the_page_shows_what_a_program_prints() {
    let one = manifests(&["ledger"]).await;
    let five = manifests(&["a", "b", "c", "d", "e"]).await;
    let watch = "  - apiGroups: [\"coordination.k8s.io\"]\n    resources: [\"leases\"]\n    verbs: [\"watch\"]\n";
    assert!(five.to_yaml().contains(watch), "{five}");
    let kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: shop\n\
                         resources: [ledger.yaml]\ncomponents: [leader]\n";
    let page = with_blocks(PAGE, &[kustomization, one.to_yaml(), watch, one.deployment_patch(), one.flow_schema()]);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deployment.md");
        std::fs::write(path, page).unwrap();
    } else {
        assert!(
            page == PAGE,
            "docs/deployment.md is not up to date: run this test with UPDATE_EXPECT=1. It should be\n{page}"
        );
    }
}
