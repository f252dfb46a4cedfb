//! An operator moves the leadership with `kubectl lease-runtime`.

use std::process::{Output, Stdio};
use std::sync::Arc;

use lease_tests::cluster::Caller;
use lease_tests::replica::{LONG, Replica, Settings};
use lease_tests::world::World;
use tokio::process::Command;

use crate::programs::cli;
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("transfer::goes_to_the_named_of_three", goes_to_the_named_of_three),
        scenario("transfer::a_step_down_is_followed_at_once", a_step_down_is_followed_at_once),
        scenario("transfer::others_follow_if_the_named_one_is_gone", others_follow_if_the_named_one_is_gone),
    ]
}

/// `kubectl lease-runtime` in the namespace of the scenario, as an operator.
pub(crate) async fn operate(world: &World, arguments: &[&str]) -> Output {
    let path = world.dir.join("operator.kubeconfig");
    let kubeconfig = world.cluster.kubeconfig(None, Caller::Admin("operator"), &world.cluster.namespace);
    std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
    let mut command = Command::new(cli().await);
    command.args(arguments).env("KUBECONFIG", &path).env("HOME", &world.dir);
    command.stdin(Stdio::null()).kill_on_drop(true).output().await.expect("the program cannot be started")
}

/// What a command prints that succeeds.
async fn prints(world: &World, arguments: &[&str]) -> String {
    let output = operate(world, arguments).await;
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?} ended with {}\n{shown}\n{said}", output.status);
    shown.into_owned()
}

/// The identity of a replica, from its log.
pub(crate) async fn identity(replica: &Replica) -> String {
    replica.says("identity=").await;
    let said = replica.said();
    let identity = said.split_once("identity=").map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
    identity.unwrap_or_default().to_owned()
}

/// The timings are so long that no lease expires.
async fn goes_to_the_named_of_three(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let replicas = world.start_three(&settings).await;
    let mut term = world.next_term(0).await;
    for replica in &replicas {
        let to = identity(replica).await;
        if to == term.identity {
            continue;
        }
        world.beats(term.token, 3).await;
        let text = prints(&world, &["transfer", &world.lease, "--to", &to]).await;
        assert_eq!(text, format!("lease {}: {to} leads, after {}\n", world.lease, term.identity));
        let (cancelled, stopped) =
            (world.wait_in(term.token, "cancelled").await, world.wait_in(term.token, "stopped").await);
        assert_eq!(cancelled.detail, "this replica was asked from outside to step down");
        assert_eq!(stopped.detail, "returned");
        let next = world.next_term(term.token).await;
        assert_eq!(next.identity, to);
        let took = next.at.since(stopped.at);
        assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had ended");
        term = next;
    }
}

async fn a_step_down_is_followed_at_once(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let _three = world.start_three(&settings).await;
    let term = world.next_term(0).await;
    let text = prints(&world, &["step-down", &world.lease]).await;
    let stopped = world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    assert_eq!(text, format!("lease {}: {} leads, after {}\n", world.lease, next.identity, term.identity));
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had ended");
    // What was asked of the first holder does not reach the second.
    world.renewals(2).await;
    let lease = world.cluster.lease(&world.lease).await.expect("it exists");
    let annotations = &lease["metadata"]["annotations"];
    assert!(annotations["lease-runtime.dev/step-down"].is_null(), "{annotations}");
    assert_eq!(world.tokens(), [term.token, next.token]);
}

async fn others_follow_if_the_named_one_is_gone(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let _three = world.start_three(&settings).await;
    let term = world.next_term(0).await;
    let output = operate(&world, &["transfer", &world.lease, "--to", "gone_0011223344556677"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let next = world.next_term(term.token).await;
    assert!(said.contains(&next.identity) && said.contains("which did not take it in time"), "{said}");
    // Not at once, and long before the lease would have expired. The release comes after the end of the body.
    let took = next.at.since(world.wait_in(term.token, "stopped").await.at);
    assert!(took >= LONG.retry_period * 2, "{took:?}");
    assert!(took < LONG.lease_duration + LONG.retry_period * 2, "{took:?}");
}
