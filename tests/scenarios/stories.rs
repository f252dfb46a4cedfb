//! The examples that play by themselves, as a user runs them: against the embedded API, or by `--kubeconfig` on a real one.

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
        scenario("stories::quickstart", |world| plays(world, "quickstart")),
        scenario("stories::sharded", |world| plays(world, "sharded")),
        scenario("stories::supervised", |world| plays(world, "supervised")),
        scenario("stories::composed", |world| plays(world, "composed")),
        scenario("stories::scheduled", |world| plays(world, "scheduled")),
        scenario("stories::migration", |world| plays(world, "migration")),
    ]
}

/// It ends well, and has counted the overlaps. What else it claims, it checks itself.
async fn plays(world: Arc<World>, name: &str) {
    let program = example(name).await;
    let mut play = Command::new(program);
    if let Kind::Real(_) = world.cluster.kind {
        let path = world.dir.join("kubeconfig");
        let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin(name), &world.cluster.namespace);
        std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
        play.arg("--kubeconfig").arg(path);
    }
    let begun = now();
    let play = play.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("the example cannot be started");
    let (shown, said) = (String::from_utf8_lossy(&play.stdout), String::from_utf8_lossy(&play.stderr));
    assert!(play.status.success(), "{name} ended with {}\n{shown}\n{said}", play.status);
    assert!(shown.lines().any(|line| line == "overlaps: 0"), "{name} has not counted overlaps\n{shown}");
    let took = now().since(begun);
    // What its first lines say. The one with a schedule waits for a full minute.
    let bound = if name == "scheduled" { 120 } else { 60 };
    assert!(took.as_secs() < bound, "{name} took {took:?}\n{shown}");
}
