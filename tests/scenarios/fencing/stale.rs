//! What an earlier leader still gets through: a table, for the documentation. Both policies are tried under the same conditions, on
//! two API servers that share an etcd. Only the token policy must let nothing through.

use std::sync::Arc;
use std::time::Duration;

use kube::api::DynamicObject;
use lease_tests::cluster::Caller;
use lease_tests::log::until;
use lease_tests::world::World;
use serde_json::json;

use super::second_server::SecondServer;
use super::shop::{Ledgers, STAMP, Shop, ledgers_of, merge, stamped, token_request, unstamped, until_refused};
use super::slow_webhook::{HELD_BACK, SlowWebhook};

/// How often each condition is tried.
const ROUNDS: u64 = 20;
/// How long the server of the earlier leader is stopped around the switch.
const STOPPED: Duration = Duration::from_millis(350);

/// The policy that is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Holder,
    Token,
}

/// What happens to the second server at a switch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// Nothing: the earlier leader sends a write as soon as the switch has been answered.
    Running,
    /// It is stopped with the write of the earlier leader in its socket.
    Stopped,
    /// Nothing, and the write of the earlier leader waits in the first server, for a webhook.
    SlowWebhook,
}

/// Two pods. The second server is that of the earlier leader in each round, the first that of the next.
struct Stage<'a> {
    shop: Shop<'a>,
    server: SecondServer<'a>,
    pods: [(&'static str, String); 2],
    /// The ledgers as each pod sees them, through the first server and through the second.
    through: [[Ledgers; 2]; 2],
    admin: Ledgers,
    webhook: SlowWebhook,
}

pub(super) async fn table(world: Arc<World>) {
    let Some(server) = SecondServer::start(&world).await else {
        println!("stale writes: not covered, because the kube-apiserver was not built here");
        return;
    };
    let shop = Shop::open(&world).await;
    shop.create("a").await;
    let mut pods = Vec::new();
    let mut through = Vec::new();
    for name in ["orders-a", "orders-b"] {
        let uid = shop.pod(name).await;
        let token = token_of_second(&shop, &server, name, &uid).await;
        let client = server.client(Caller::Token(&token)).await;
        let second = ledgers_of(shop.group(), client, &world.cluster.namespace);
        through.push([shop.of_pod(name, &uid).await, second]);
        pods.push((name, uid));
    }
    let (Ok(pods), Ok(through)) = (pods.try_into(), through.try_into()) else { panic!("there are two pods") };
    let admin = shop.ledgers(Caller::Admin("a")).await;
    let stage = Stage { shop, server, pods, through, admin, webhook: SlowWebhook::start().await };
    let mut lines = vec![format!("stale writes accepted in {ROUNDS} switches | holder policy | token policy")];
    let mut by_token = Vec::new();
    for (condition, what) in [
        (Condition::Running, "two API servers"),
        (Condition::Stopped, "one of them stopped for 0.35 s, with the write in its socket"),
        (Condition::SlowWebhook, "one API server, a webhook that answers after the switch"),
    ] {
        let holder = stage.rounds(In::Holder, condition).await;
        let token = stage.rounds(In::Token, condition).await;
        lines.push(format!("{what} | {holder} | {token}"));
        by_token.push(token);
    }
    println!("{}", lines.join("\n"));
    assert_eq!(by_token, [0; 3], "the token policy lets stale writes through");
}

impl Stage<'_> {
    /// Tries a condition, and returns how many writes of an earlier leader took effect after the switch.
    async fn rounds(&self, policy: In, condition: Condition) -> u64 {
        let policies = match policy {
            In::Holder => self.shop.policies().holder_only(),
            In::Token => self.shop.policies().token_only(),
        };
        self.hand_to(0).await;
        self.shop.apply(&policies).await;
        self.in_force().await;
        let webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
        let world = self.shop.world;
        if condition == Condition::SlowWebhook {
            self.webhook.open(true);
            world.cluster.create(webhooks, &self.webhook.configuration(world, self.shop.group())).await;
            self.webhook_in_force(policy).await;
        }
        let mut stale = 0;
        for round in 0..ROUNDS {
            let earlier = usize::from(round % 2 == 1);
            self.settled(policy, earlier).await;
            stale += u64::from(self.switch(policy, condition, earlier).await);
        }
        if condition == Condition::SlowWebhook {
            world.cluster.delete(&format!("{webhooks}/{}", world.cluster.namespace)).await;
        }
        self.shop.close(&policies).await;
        self.over().await;
        stale
    }

    /// One switch. Whether a write of the earlier leader took effect after it.
    async fn switch(&self, policy: In, condition: Condition, earlier: usize) -> bool {
        let token = self.stamp().await.max(1);
        let mut late = json!({ "spec": { "balance": HELD_BACK } });
        if policy == In::Token {
            late["metadata"] = json!({ "annotations": { STAMP: token.to_string() } });
        }
        let ledgers = &self.through[earlier][usize::from(condition != Condition::SlowWebhook)];
        // So that the connection is there, and the late write is a change.
        ledgers.get("a").await.expect("it may read");
        merge(&self.admin, "a", unstamped()).await.expect("an administrator edits");
        let next = 1 - earlier;
        let (answer, switched_at) = match condition {
            Condition::Running => {
                let switched_at = self.switch_to(policy, next, token + 1).await;
                (merge(ledgers, "a", late).await, switched_at)
            }
            Condition::Stopped => {
                self.server.stop();
                let switched = async {
                    let switched_at = self.switch_to(policy, next, token + 1).await;
                    tokio::time::sleep(STOPPED).await;
                    self.server.go_on();
                    switched_at
                };
                futures_util::join!(merge(ledgers, "a", late), switched)
            }
            Condition::SlowWebhook => {
                self.webhook.open(false);
                let switched = async {
                    self.webhook.has_one().await;
                    let switched_at = self.switch_to(policy, next, token + 1).await;
                    self.webhook.open(true);
                    switched_at
                };
                futures_util::join!(merge(ledgers, "a", late), switched)
            }
        };
        match answer {
            // The server may have stored it before the signal has stopped it. Such a write is not late: the touch has seen it.
            Ok(written) => revision(&written) > switched_at,
            Err(kube::Error::Api(status)) if status.code == 403 => false,
            Err(error) => panic!("not accepted, and not refused by a policy: {error}"),
        }
    }

    /// The next leader takes the lease, and touches the object, through the first server. Returns the revision of the touch. Without
    /// one, every write that is accepted counts as late.
    async fn switch_to(&self, policy: In, next: usize, token: u64) -> u64 {
        self.hand_to(next).await;
        if policy == In::Holder {
            return 0;
        }
        let touch = json!({ "metadata": { "annotations": { STAMP: token.to_string() } } });
        revision(&merge(&self.through[next][0], "a", touch).await.expect("the new leader touches the object"))
    }

    async fn hand_to(&self, pod: usize) {
        let (name, uid) = &self.pods[pod];
        self.shop.hand_to(&format!("{name}_{uid}_0")).await;
    }

    async fn stamp(&self) -> u64 {
        let ledger: DynamicObject = self.through[0][0].get("a").await.expect("a ledger");
        self.shop.stamp_in(&ledger).parse().unwrap_or(0)
    }

    /// Both servers know the policy: they refuse a client of no pod, with a stamp that is no token.
    async fn in_force(&self) {
        let token = token_of_second_account(&self.shop, &self.server).await;
        let client = self.server.client(Caller::Token(&token)).await;
        let through_second = ledgers_of(self.shop.group(), client, &self.shop.world.cluster.namespace);
        for ledgers in [self.shop.of_the_account().await, through_second] {
            until_refused(&ledgers, "a", || stamped("0"), "ValidatingAdmissionPolicy").await;
        }
    }

    /// The first server asks the webhook.
    async fn webhook_in_force(&self, policy: In) {
        let asked = async {
            until("the webhook to be asked", async || {
                for change in [json!({ "spec": { "balance": HELD_BACK } }), unstamped()] {
                    merge(&self.admin, "a", change).await.expect("the webhook admits it");
                }
                None::<()>
            })
            .await
        };
        tokio::select! {
            () = asked => {}
            () = self.webhook.has_one() => {}
        }
        self.settled(policy, 0).await;
    }

    /// Both servers have forgotten the policy.
    async fn over(&self) {
        for pod in &self.through {
            for ledgers in pod {
                until("the end of the policy", async || merge(ledgers, "a", unstamped()).await.ok()).await;
            }
        }
    }

    /// Both servers know who leads.
    async fn settled(&self, policy: In, leader: usize) {
        if policy == In::Holder {
            for (pod, through) in self.through.iter().enumerate() {
                for ledgers in through {
                    until("both servers to know the holder", async || {
                        (merge(ledgers, "a", unstamped()).await.is_ok() == (pod == leader)).then_some(())
                    })
                    .await;
                }
            }
        }
    }
}

/// When the object was stored: etcd counts up with every write.
fn revision(object: &DynamicObject) -> u64 {
    let revision = object.metadata.resource_version.as_deref().and_then(|revision| revision.parse().ok());
    revision.expect("a revision that is a number")
}

/// A token of the second server. Each server has a name of its own as the issuer.
async fn token_of_second(shop: &Shop<'_>, server: &SecondServer<'_>, pod: &str, uid: &str) -> String {
    request_token(shop, server, &token_request(pod, uid)).await
}

async fn token_of_second_account(shop: &Shop<'_>, server: &SecondServer<'_>) -> String {
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
    request_token(shop, server, &request).await
}

async fn request_token(shop: &Shop<'_>, server: &SecondServer<'_>, request: &serde_json::Value) -> String {
    let namespace = &shop.world.cluster.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/orders/token");
    let post = http::Request::post(path).header("Content-Type", "application/json");
    let post = post.body(request.to_string().into_bytes()).expect("a valid request");
    let client = server.client(Caller::Admin("a")).await;
    let answer: serde_json::Value = client.request(post).await.expect("a token");
    answer["status"]["token"].as_str().expect("a token").to_owned()
}
