//! Carries out the faults of a plan: once in each second of global time, each may strike.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::engine::{Link, Nanos, SECOND, World, wall_at};
use crate::journal::LeaseName;
use crate::plan::{Chances, Plan};
use crate::program::{LEASES, Steering};
use lease_protocol::handover::{STEP_DOWN, StepDownRequest, TRANSFER_TO};
use lease_protocol::ticks::names::{BACKFILL, PAUSE, TRIGGER};
use lease_runtime::embedded::EmbeddedApi;

use crate::engine::NAMESPACE;

/// Deletions of one Lease are so far apart that every process has noticed the one before.
const BETWEEN_DELETIONS: Nanos = 120 * SECOND;

/// What the nemesis wants done to a replica. The run does it, because it knows the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    Crash(usize),
    /// The replica starts again at once.
    CrashAtOnce(usize),
    ShutDown(usize),
    Abandon(usize),
    StepDown(usize),
}

/// The faults that are going on.
pub(crate) struct Nemesis {
    chances: Chances,
    rng: Rng,
    /// When the link of a replica is healed.
    healed: BTreeMap<usize, Nanos>,
    /// The replica that crashes again and again, and how often it still will.
    crashing: Option<(usize, u8)>,
    server_up: Nanos,
    writes_fast: Nanos,
    deleted: Nanos,
    requests: u64,
    leases: usize,
    tasks: Vec<(&'static str, LeaseName)>,
}

impl Nemesis {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Nemesis {
        Nemesis {
            chances: plan.chances.clone(),
            rng: Rng::with_seed(seed ^ 0x4e4e_0000),
            healed: BTreeMap::new(),
            crashing: None,
            server_up: 0,
            writes_fast: 0,
            deleted: 0,
            requests: 0,
            leases: plan.work.leases,
            tasks: plan.work.ticks.iter().map(|task| (task.name, task.lease)).collect(),
        }
    }

    /// A second has passed.
    pub(crate) fn strike(&mut self, world: &mut World, steering: &[Option<Steering>]) -> Vec<Deed> {
        self.end_faults(world);
        self.strike_links(world);
        self.strike_server(world);
        self.strike_objects(world);
        self.change_minds(world, steering);
        self.strike_leadership(world, steering);
        self.strike_processes(world)
    }

    fn end_faults(&mut self, world: &mut World) {
        let now = world.now;
        let over: Vec<usize> = self.healed.iter().filter(|(_, at)| **at <= now).map(|(node, _)| *node).collect();
        for node in over {
            self.healed.remove(&node);
            world.network.links[node] = Link::default();
            world.note("link healed", None);
        }
        if world.network.server_down && self.server_up <= now {
            world.network.server_down = false;
            world.note("server up", None);
        }
        if world.network.slow_writes && self.writes_fast <= now {
            world.network.slow_writes = false;
        }
    }

    fn strike_links(&mut self, world: &mut World) {
        if !self.happens(self.chances.partition) {
            return;
        }
        let node = self.rng.usize(..world.processes.len());
        let (link, kind) = match self.rng.u8(..5) {
            0 | 1 => (Link { up_cut: true, down_cut: true, refused: false }, "partition in both directions"),
            2 => (Link { up_cut: true, ..Link::default() }, "partition towards the server"),
            3 => (Link { down_cut: true, ..Link::default() }, "partition from the server"),
            _ => (Link { refused: true, ..Link::default() }, "connections refused"),
        };
        world.network.links[node] = link;
        self.healed.insert(node, world.now + self.rng.u64(SECOND / 2..45 * SECOND));
        let who = world.processes[node].as_ref().map(|process| process.here.who);
        world.note(kind, who);
    }

    fn strike_server(&mut self, world: &mut World) {
        if self.happens(self.chances.outage) {
            world.network.server_down = true;
            self.server_up = world.now + self.rng.u64(SECOND..40 * SECOND);
            world.server.api.break_watches(|_| true);
            world.server.wake();
            world.note("server down", None);
        }
        if self.happens(self.chances.server_restart) {
            world.server.api.break_watches(|_| true);
            world.server.api.compact();
            world.server.wake();
            world.note("server restart", None);
        }
        if self.happens(self.chances.slow_writes) {
            world.network.slow_writes = true;
            self.writes_fast = world.now + self.rng.u64(SECOND..40 * SECOND);
            world.note("writes are slow", None);
        }
        if self.happens(self.chances.watches) {
            self.strike_watches(world);
        }
    }

    fn strike_watches(&mut self, world: &mut World) {
        let letter = char::from(b'a' + self.rng.u8(..5));
        let of = |call: &lease_runtime::embedded::RecordedRequest| call.caller.starts_with(letter);
        let api = &world.server.api;
        let kind = match self.rng.u8(..5) {
            0 => (api.close_watches(of), "watches closed"),
            1 => (api.break_watches(of), "watches broken"),
            2 => (api.expire_watches(of), "watches expired (410)"),
            3 => (api.silence_watches(of), "watches silent"),
            _ => (api.resume_watches(of), "watches resumed"),
        };
        world.server.wake();
        if kind.0 > 0 {
            world.note(kind.1, None);
        }
    }

    fn strike_objects(&mut self, world: &mut World) {
        let lease = LEASES[self.rng.usize(..self.leases)];
        let now = world.now;
        if self.happens(self.chances.labels) {
            let (skip, label) = (self.rng.bool(), now.to_string());
            world.server.meddle(now, lease, |api| match skip {
                true => api.skip_revisions(7),
                false => _ = api.edit_lease(NAMESPACE, lease, |o| o["metadata"]["labels"]["seen"] = label.into()),
            });
            world.note("labels of strangers", None);
        }
        if self.happens(self.chances.stranger) {
            self.write(world, lease, "holder overwritten", |object| {
                object["spec"]["holderIdentity"] = "intruder".into();
                object["spec"]["leaseDurationSeconds"] = 15.into();
            });
        }
        if self.happens(self.chances.clearing) {
            self.write(world, lease, "holder cleared", |object| object["spec"]["holderIdentity"] = "".into());
        }
        if self.happens(self.chances.deletion) && now > self.deleted + BETWEEN_DELETIONS {
            let deleted = world.server.api.lease_json(NAMESPACE, lease).is_some();
            world.server.meddle(now, lease, |api| _ = api.delete_lease(NAMESPACE, lease));
            if deleted {
                self.deleted = now;
                world.note("Lease deleted", None);
            }
        }
        if self.happens(self.chances.requests) && !self.tasks.is_empty() {
            self.annotate(world);
        }
    }

    fn write(
        &mut self,
        world: &mut World,
        lease: LeaseName,
        kind: &'static str,
        edit: impl FnOnce(&mut serde_json::Value),
    ) {
        let now = world.now;
        let exists = world.server.api.lease_json(NAMESPACE, lease).is_some();
        world.server.meddle(now, lease, |api| _ = api.edit_lease(NAMESPACE, lease, edit));
        if exists {
            world.note(kind, None);
        }
    }

    /// Requests of an operator about a scheduled task.
    fn annotate(&mut self, world: &mut World) {
        let (task, lease) = self.tasks[self.rng.usize(..self.tasks.len())];
        self.requests += 1;
        let (name, value, kind) = match self.rng.u8(..5) {
            0 => (format!("{PAUSE}{task}"), Some("by hand".to_owned()), "task paused"),
            1 | 2 => (format!("{PAUSE}{task}"), None, "task resumed"),
            3 => (format!("{TRIGGER}{task}"), Some(format!("id-{}", self.requests)), "task triggered"),
            _ => {
                let now = world.now;
                let [from, to] = [now.saturating_sub(90 * SECOND), now.saturating_sub(60 * SECOND)].map(wall_at);
                (format!("{BACKFILL}{task}"), Some(format!("{from}/{to}")), "backfill")
            }
        };
        self.write(world, lease, kind, |object| match value {
            Some(value) => object["metadata"]["annotations"][name] = value.into(),
            None => {
                let annotations = object["metadata"]["annotations"].as_object_mut();
                drop(annotations.and_then(|annotations| annotations.remove(&name)));
            }
        });
    }

    fn change_minds(&mut self, world: &mut World, steering: &[Option<Steering>]) {
        let chosen = self.rng.usize(..steering.len());
        let lease = LEASES[self.rng.usize(..self.leases)];
        let Some(steering) = &steering[chosen] else { return };
        let Some(process) = &world.processes[chosen] else { return };
        let who = Some(process.here.who);
        if self.happens(self.chances.condition) {
            let ready = self.rng.u8(..3) > 0;
            process.enter(|| steering.ready.send_replace(ready));
            world.note("condition changed", who);
        }
        let Some(process) = &world.processes[chosen] else { return };
        if self.happens(self.chances.step_down)
            && let Some(candidate) = steering.candidate.get()
            && process.enter(|| candidate.step_down(lease))
        {
            world.note("step down", who);
        }
    }

    /// Requests of an operator to give a lease up, also such that are for nobody, that name nobody, and that cannot be read.
    fn strike_leadership(&mut self, world: &mut World, steering: &[Option<Steering>]) {
        if !self.happens(self.chances.handovers) {
            return;
        }
        let lease = LEASES[self.rng.usize(..self.leases)];
        let Some(object) = world.server.api.lease_json(NAMESPACE, lease) else { return };
        let (holder, transitions) =
            (object["spec"]["holderIdentity"].as_str(), object["spec"]["leaseTransitions"].as_i64());
        let to = steering[self.rng.usize(..steering.len())].as_ref();
        let to = to.and_then(|to| to.candidate.get()).map(|candidate| candidate.identity().to_owned());
        let request = |to| StepDownRequest {
            holder: holder.unwrap_or_default().to_owned(),
            transitions: transitions.and_then(|count| count.try_into().ok()).unwrap_or_default(),
            to,
        };
        let (name, value, kind) = match self.rng.u8(..8) {
            0 | 1 => (STEP_DOWN, request(None).text(), "asked to step down"),
            2 | 3 => (STEP_DOWN, request(to).text(), "asked to transfer"),
            4 => (STEP_DOWN, request(Some("gone".to_owned())).text(), "asked to transfer to nobody"),
            5 => {
                let earlier = request(to);
                let earlier = StepDownRequest { transitions: earlier.transitions - 1, ..earlier };
                (STEP_DOWN, earlier.text(), "asked for an earlier term")
            }
            6 => (STEP_DOWN, "{".to_owned(), "asked unreadably"),
            _ => (TRANSFER_TO, "gone".to_owned(), "successor named by a stranger"),
        };
        self.write(world, lease, kind, |object| object["metadata"]["annotations"][name] = value.into());
    }

    fn strike_processes(&mut self, world: &mut World) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let running = world.running();
        deeds.extend(self.crash_again(&running));
        if running.is_empty() {
            return deeds;
        }
        let pick = |rng: &mut Rng| running[rng.usize(..running.len())];
        let rng = &mut self.rng;
        let c = &self.chances;
        let happens = |rng: &mut Rng, chance: u32| chance > 0 && rng.u32(..1000) < chance;
        if happens(rng, c.wall_step) {
            let node = pick(rng);
            let seconds = [-90_000_000, -3_600, -60, 60, 3_600, 90_000_000][rng.usize(..6)];
            if let Some(process) = &world.processes[node] {
                process.here.clock.step_wall(seconds);
                let who = Some(process.here.who);
                world.note("calendar steps", who);
            }
        }
        if happens(rng, c.pause) {
            let node = pick(rng);
            let until = world.now + rng.u64(SECOND / 10..40 * SECOND);
            if let Some(process) = &mut world.processes[node] {
                process.stop_until(until);
                let who = Some(process.here.who);
                world.note("process stopped", who);
            }
        }
        if happens(rng, c.crash) {
            deeds.push(Deed::Crash(pick(rng)));
        }
        if happens(rng, c.shutdown) {
            deeds.push(Deed::ShutDown(pick(rng)));
        }
        if happens(rng, c.abandon) {
            deeds.push(Deed::Abandon(pick(rng)));
        }
        deeds
    }

    /// A replica that crashes again and again lives for a second or two, so that it can take the lease.
    fn crash_again(&mut self, running: &[usize]) -> Option<Deed> {
        if self.crashing.is_none() && !running.is_empty() && self.happens(self.chances.crash_loop) {
            self.crashing = Some((running[self.rng.usize(..running.len())], self.rng.u8(2..8)));
        }
        let (node, left) = self.crashing?;
        if !running.contains(&node) || self.rng.bool() {
            return None;
        }
        self.crashing = (left > 1).then(|| (node, left - 1));
        Some(Deed::CrashAtOnce(node))
    }

    fn happens(&mut self, chance: u32) -> bool {
        chance > 0 && self.rng.u32(..1000) < chance
    }
}

/// No task of this Lease is paused any more.
pub(crate) fn resume_tasks(api: &EmbeddedApi, lease: LeaseName) {
    let is_paused = |lease: &serde_json::Value| {
        let annotations = lease["metadata"]["annotations"].as_object();
        annotations.is_some_and(|annotations| annotations.keys().any(|name| name.starts_with(PAUSE)))
    };
    if api.lease_json(NAMESPACE, lease).as_ref().is_some_and(is_paused) {
        api.edit_lease(NAMESPACE, lease, |object| {
            let annotations = object["metadata"]["annotations"].as_object_mut();
            annotations.into_iter().for_each(|annotations| annotations.retain(|name, _| !name.starts_with(PAUSE)));
        });
    }
}

/// The duration that a policy writes, in seconds.
pub(crate) const LONGER: u64 = 45;

/// The embedded API writes the policy into every object that is created or replaced.
pub(crate) fn apply(policy: crate::plan::Policy, api: &EmbeddedApi) {
    use crate::plan::Policy;
    api.mutate(move |_, object| match policy {
        Policy::WholeSeconds => {
            for name in ["renewTime", "acquireTime"] {
                if let Some(time) = object["spec"][name].as_str().and_then(|time| time.get(..19)) {
                    object["spec"][name] = format!("{time}.000000Z").into();
                }
            }
        }
        Policy::Label => object["metadata"]["labels"]["policy"] = "seen".into(),
        Policy::LongerDuration => {
            object["spec"]["leaseDurationSeconds"] = LONGER.into();
        }
    });
}
