//! Targets that compare fencing tokens: the examples in which a stopped leader continues, and its late write is refused. Each of them
//! checks the log of its target. The tests of the examples show that each part of the fence is needed.

use std::sync::Arc;

use lease_tests::world::World;

use crate::runner::{Scenario, scenario};
use crate::stories::shown_by;

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("targets::postgres", |world| refuses(world, "fenced_postgres")),
        scenario("targets::http", |world| refuses(world, "fenced_http")),
        scenario("targets::redis", |world| refuses(world, "fenced_redis")),
        scenario("targets::file", |world| refuses(world, "fenced_file")),
    ]
}

/// The example has seen that the late write was refused, or says why it has not run.
async fn refuses(world: Arc<World>, name: &str) {
    let shown = shown_by(world, name).await;
    if let Some(why) = shown.lines().find(|line| line.starts_with("not run: ")) {
        println!("{name}: {why}");
        return;
    }
    assert!(shown.contains("late write refused: "), "{name} had no late write\n{shown}");
    assert!(shown.lines().any(|line| line == "overlaps: 0"), "{name} has not counted overlaps\n{shown}");
}
