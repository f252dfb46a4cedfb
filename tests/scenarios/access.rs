//! Access rules that forbid some requests. On a real API server these are Roles and service accounts.

use std::sync::Arc;

use lease_runtime::embedded::{Fault, RequestMatcher, Verb};
use lease_tests::log::until;
use lease_tests::replica::{LONG, Manners, SHORT, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;
use serde_json::json;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("access::watch_forbidden", watch_forbidden),
        scenario("access::everything_forbidden", everything_forbidden),
        scenario("access::the_role_it_prints_is_enough", the_role_it_prints_is_enough).on_real(),
        scenario("access::rights_taken_away_and_given_back", rights_taken_away_and_given_back),
    ]
}

/// Creates a service account and returns its token.
pub(crate) async fn account(world: &World, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{}/serviceaccounts", world.cluster.namespace);
    world.cluster.create(&path, &json!({ "metadata": { "name": name } })).await;
    world.cluster.token(name).await
}

fn rbac(world: &World, kind: &str) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{kind}", world.cluster.namespace)
}

/// Allows a service account these verbs on the lease.
pub(crate) async fn allow(world: &World, account: &str, verbs: &[&str]) {
    let lease = &world.lease;
    let role = json!({
        "metadata": { "name": account },
        "rules": [{
            "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [lease], "verbs": verbs,
        }],
    });
    world.cluster.create(&rbac(world, "roles"), &role).await;
    bind(world, account).await;
}

async fn bind(world: &World, account: &str) {
    let binding = json!({
        "metadata": { "name": account },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account },
        "subjects": [{ "kind": "ServiceAccount", "namespace": world.cluster.namespace, "name": account }],
    });
    world.cluster.create(&rbac(world, "rolebindings"), &binding).await;
}

/// Without `watch`, candidates poll: a handover takes one poll period, not a lease duration. They log this once, not at every
/// attempt.
async fn watch_forbidden(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let token = match world.cluster.hooks() {
        Some(api) => {
            api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(403));
            None
        }
        None => {
            let token = account(&world, "worker").await;
            allow(&world, "worker", &["get", "create", "update"]).await;
            Some(token)
        }
    };
    let plan = Plan { token: token.as_deref(), ..Plan::default() };
    let leader = world.launch("a", &settings, plan);
    let term = world.leads(&leader).await;
    let followers = ["b", "c"].map(|name| world.launch(name, &settings, plan));
    for follower in &followers {
        world.ready(follower).await;
        follower.says("new leader observed").await;
        follower.says("the lease cannot be watched and is polled instead").await;
    }
    world.renewals(1).await;
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    let stopped = world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had ended");
    world.renewals(1).await;
    for replica in [&leader, &followers[0], &followers[1]] {
        let said = replica.said();
        assert_eq!(said.matches("ERROR lease_runtime: the lease cannot be watched").count(), 1, "{said}");
        assert!(said.contains("may not watch leases `ledger`"), "{said}");
    }
}

/// Nothing is allowed, and another attempt would not help: the candidate ends with an error that contains the remedy.
async fn everything_forbidden(world: Arc<World>) {
    let token = match world.cluster.hooks() {
        Some(api) => {
            api.inject(RequestMatcher::leases().caller("a"), Fault::status(403));
            None
        }
        None => Some(account(&world, "worker").await),
    };
    let plan = Plan { token: token.as_deref(), ..Plan::default() };
    let replica = world.launch("a", &world.settings(), plan);
    assert_eq!(replica.end().await.code(), Some(1), "{}", replica.said());
    let said = replica.said();
    let (_, error) = said.split_once("\nerror: ").unwrap_or_else(|| panic!("no error in {said}"));
    let user =
        if token.is_some() { format!("system:serviceaccount:{}:worker", world.cluster.namespace) } else { "a".into() };
    let namespace = &world.cluster.namespace;
    for words in [
        format!("cannot take part in the election of lease `{namespace}/ledger`: `{user}` may not get leases `ledger`"),
        "kind: Role\n".to_owned(),
        "resourceNames: [\"ledger\"]".to_owned(),
        "verbs: [\"get\", \"create\", \"update\", \"watch\"]".to_owned(),
        "kind: RoleBinding\n".to_owned(),
    ] {
        assert!(error.contains(&words), "{words:?} is not in\n{error}");
    }
    assert_eq!(world.tokens(), [0; 0]);
}

/// The Role in the error can be applied unchanged, and grants everything that a candidate needs, from the first write to the
/// release.
async fn the_role_it_prints_is_enough(world: Arc<World>) {
    let token = account(&world, "worker").await;
    let plan = Plan { token: Some(&token), ..Plan::default() };
    let refused = world.launch("a", &world.settings(), plan);
    refused.end().await;
    let said = refused.said();
    let (_, error) = said.split_once("\nerror: ").unwrap_or_else(|| panic!("no error in {said}"));
    let yaml = error.find("apiVersion: rbac.authorization.k8s.io/v1").map(|at| &error[at..]).expect("no YAML");
    let (role, binding) = yaml.split_once("---\n").expect("two documents");
    for (kind, document) in [("roles", role), ("rolebindings", binding)] {
        let answer = world.cluster.create_yaml(&rbac(&world, kind), document).await;
        assert!(answer.is_ok(), "{document}\n{answer:?}");
    }
    // The API server applies a new Role after a short delay.
    let mut tries = 0;
    let leader = until("the Role to be in force", async || {
        tries += 1;
        let replica = world.launch(&format!("b{tries}"), &world.settings(), plan);
        let event = world.log.find("a term or an end", |events| {
            let own = |what: &str| events.iter().any(|event| event.pid == replica.pid && event.is(what));
            if own("started") { Some(true) } else { own("exited").then_some(false) }
        });
        event.await.then_some(replica)
    })
    .await;
    let follower = world.launch("c", &world.settings(), plan);
    world.ready(&follower).await;
    follower.says("new leader observed").await;
    let term = world.leads(&leader).await;
    world.renewals(2).await;
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    world.next_term(term.token).await;
    for replica in [&leader, &follower] {
        // Events are another matter, which the Role of a refused election does not grant.
        assert!(!replica.said().contains("leases `ledger`"), "{}", replica.said());
    }
}

/// Rights that are lost later may come back: the term ends in time, the process continues and leads again.
async fn rights_taken_away_and_given_back(world: Arc<World>) {
    let settings = Settings { timing: SHORT, manners: Manners::Ignores, ..world.settings() };
    let token = match world.cluster.hooks() {
        Some(_) => None,
        None => {
            let token = account(&world, "worker").await;
            allow(&world, "worker", &["get", "create", "update", "watch"]).await;
            Some(token)
        }
    };
    let replica = world.launch("a", &settings, Plan { token: token.as_deref(), ..Plan::default() });
    let term = world.leads(&replica).await;
    world.beats(term.token, 3).await;
    world.log.note("taking-rights-away", "");
    let injection = match world.cluster.hooks() {
        Some(api) => Some(api.inject(RequestMatcher::leases().caller("a"), Fault::status(403))),
        None => {
            world.cluster.delete(&format!("{}/worker", rbac(&world, "rolebindings"))).await;
            None
        }
    };
    let stopped = world.wait_in(term.token, "stopped").await;
    assert_eq!(stopped.detail, "dropped");
    replica.says("leases `ledger`").await;
    assert!(replica.ended().is_none(), "{}", replica.said());
    match injection {
        Some(injection) => injection.remove(),
        None => bind(&world, "worker").await,
    }
    world.log.note("giving-rights-back", "");
    world.next_term(term.token).await;
    world.renewals(2).await;
}
