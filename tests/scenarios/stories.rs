//! The examples that end by themselves, run as by a user: against the embedded API, or with `--kubeconfig` on a real one.

use std::process::Stdio;
use std::sync::Arc;

use lease_tests::cluster::{Caller, Kind};
use lease_tests::log::now;
use lease_tests::world::World;
use tokio::process::Command;

use crate::programs::example;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("stories::quickstart", |world| succeeds(world, "quickstart")),
        scenario("stories::sharded", |world| succeeds(world, "sharded")),
        scenario("stories::supervised", |world| succeeds(world, "supervised")),
        scenario("stories::composed", |world| succeeds(world, "composed")),
        scenario("stories::scheduled", |world| succeeds(world, "scheduled")),
        scenario("stories::migration", |world| succeeds(world, "migration")),
        // The embedded API has no ConfigMaps.
        scenario("stories::operator", |world| succeeds(world, "operator")).on_real(),
    ]
}

/// The example succeeds and has counted the overlaps. It checks everything else itself.
async fn succeeds(world: Arc<World>, name: &str) {
    let shown = shown_by(world, name).await;
    assert!(shown.lines().any(|line| line == "overlaps: 0"), "{name} has not counted overlaps\n{shown}");
}

/// What the example prints. It succeeds, and takes no longer than it says.
pub(crate) async fn shown_by(world: Arc<World>, name: &str) -> String {
    let program = example(name).await;
    let mut command = Command::new(program);
    if let Kind::Real(_) = world.cluster.kind {
        let path = world.dir.join("kubeconfig");
        let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin(name), &world.cluster.namespace);
        std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
        command.arg("--kubeconfig").arg(path);
    }
    let begun = now();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("the example cannot be started");
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name} ended with {}\n{shown}\n{said}", output.status);
    let took = now().since(begun);
    // The bounds are in the first lines of the examples. The example with a schedule waits for a full minute.
    let bound = if name == "scheduled" { 120 } else { 60 };
    assert!(took.as_secs() < bound, "{name} took {took:?}\n{shown}");
    shown.into_owned()
}
