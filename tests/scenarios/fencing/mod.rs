//! Fencing by admission policies on a real API server: the manifests of `fencing::Policies`, and the helpers of `Term`.

mod holder;
mod leader;
mod second_server;
mod shop;
mod slow_webhook;
mod stale;
mod tokens;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("fencing::tokens_never_go_down", tokens::never_go_down).on_real(),
        scenario("fencing::a_status_has_its_own_token", tokens::a_status_has_its_own_token).on_real(),
        scenario("fencing::a_deletion_names_the_version_it_has_seen", tokens::a_deletion_names_its_version).on_real(),
        scenario("fencing::only_the_pod_of_the_holder_writes", holder::only_its_pod_writes).on_real(),
        scenario("fencing::a_pod_of_the_same_name_is_another_pod", holder::a_name_is_no_pod).on_real(),
        scenario("fencing::a_binding_made_again_follows_the_lease", holder::a_binding_made_again_follows).on_real(),
        scenario("fencing::a_leader_touches_and_verifies", leader::touches_and_verifies).on_real(),
        scenario("fencing::a_policy_that_refuses_its_leader_is_named", leader::refused_by_its_policy).on_real(),
        scenario("fencing::stale_writes", stale::table).on_real().needs_control().alone(),
    ]
}
