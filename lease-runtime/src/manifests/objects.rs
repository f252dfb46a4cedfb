//! The objects themselves.

use std::collections::BTreeMap;

use crate::elector::{LEASES, MOST_BY_NAME, RoleRule, RoleText, Subject, VERBS};
use crate::spec::Traffic;
use crate::yaml::Yaml;

/// Where the state directory is mounted, and the name of its volume.
const STATE_DIR: &str = "/run/lease-runtime";
const STATE_VOLUME: &str = "lease-state";

/// What the objects say. All names are checked.
#[derive(Debug)]
pub(super) struct ManifestPlan {
    /// The namespace of the pods.
    pub(super) namespace: String,
    pub(super) app: String,
    pub(super) service_account: String,
    pub(super) container: String,
    pub(super) pod_label: (String, String),
    pub(super) probe_port: Option<u16>,
    /// The names of the leases in each namespace.
    pub(super) leases: BTreeMap<String, Vec<String>>,
    pub(super) shutdown_seconds: u64,
    /// How traffic reaches the leaders, of each lease that says so.
    pub(super) traffic: Vec<Traffic>,
    /// The Roles also grant Events.
    pub(super) events: bool,
    /// The Roles also grant to look at the pods of holders.
    pub(super) death_reports: bool,
}

impl ManifestPlan {
    /// The objects that the owner of the namespaces may create.
    pub(super) fn objects(&self) -> Vec<Yaml> {
        let mut objects = Vec::new();
        for (namespace, leases) in &self.leases {
            let name = self.role_name(namespace);
            let mut rules = vec![RoleRule::leases(leases.iter().map(String::as_str), VERBS)];
            rules.extend((leases.len() > MOST_BY_NAME).then(RoleRule::watch_of_all_leases));
            rules.extend(self.events.then(RoleRule::events));
            rules.extend(self.death_reports.then(RoleRule::death_reports));
            objects.extend(self.role(namespace, &name, rules));
        }
        let rules = RoleRule::traffic(&self.traffic);
        if !rules.is_empty() {
            objects.extend(self.role(&self.namespace, &format!("{}-traffic", self.app), rules));
        }
        objects.push(self.disruption_budget());
        objects
    }

    /// A Role of the service account, and its binding.
    fn role(&self, namespace: &str, name: &str, rules: Vec<RoleRule>) -> [Yaml; 2] {
        let subject = Subject::Account { namespace: &self.namespace, name: &self.service_account };
        let text = RoleText { namespace, name, rules, subject };
        [text.role(), text.binding()]
    }

    /// In a namespace of others, an application of theirs may have the same name.
    fn role_name(&self, namespace: &str) -> String {
        let ManifestPlan { namespace: own, app, .. } = self;
        if namespace == own { format!("{app}-leader") } else { format!("{own}-{app}-leader") }
    }

    /// A pod that is not ready may always be evicted: it may be one that waits for the node to be drained.
    fn disruption_budget(&self) -> Yaml {
        let spec = Yaml::map([
            ("maxUnavailable", Yaml::Number(1)),
            ("unhealthyPodEvictionPolicy", Yaml::text("AlwaysAllow")),
            ("selector", self.selector()),
        ]);
        self.object("policy/v1", "PodDisruptionBudget", spec)
    }

    pub(super) fn deployment_patch(&self) -> Yaml {
        let spread = Yaml::map([
            ("topologyKey", Yaml::text("kubernetes.io/hostname")),
            ("maxSkew", Yaml::Number(1)),
            ("whenUnsatisfiable", Yaml::text("ScheduleAnyway")),
            ("labelSelector", self.selector()),
        ]);
        let mut container =
            vec![("name".to_owned(), Yaml::text(&*self.container)), ("env".to_owned(), self.environment())];
        if let Some(port) = self.probe_port {
            container.push(("livenessProbe".to_owned(), probe("/livez", port)));
            container.push(("readinessProbe".to_owned(), probe("/readyz", port)));
        }
        // An `emptyDir` outlives the container and not the pod, as the directory should.
        let mount = Yaml::map([("name", Yaml::text(STATE_VOLUME)), ("mountPath", Yaml::text(STATE_DIR))]);
        container.push(("volumeMounts".to_owned(), Yaml::List(vec![mount])));
        let memory = Yaml::map([("medium", Yaml::text("Memory")), ("sizeLimit", Yaml::text("1Mi"))]);
        let volume = Yaml::map([("name", Yaml::text(STATE_VOLUME)), ("emptyDir", memory)]);
        let remark = "more than the longest grace and the release timeout together";
        let pod = Yaml::map([
            ("serviceAccountName", Yaml::text(&*self.service_account)),
            ("terminationGracePeriodSeconds", Yaml::Number(self.shutdown_seconds).remarked(remark)),
            ("topologySpreadConstraints", Yaml::List(vec![spread])),
            ("containers", Yaml::List(vec![Yaml::Map(container)])),
            ("volumes", Yaml::List(vec![volume])),
        ]);
        let spec = Yaml::map([("template", Yaml::map([("spec", pod)]))]);
        self.object("apps/v1", "Deployment", spec)
    }

    pub(super) fn flow_schema(&self) -> Yaml {
        let account =
            Yaml::map([("namespace", Yaml::text(&*self.namespace)), ("name", Yaml::text(&*self.service_account))]);
        let subject = Yaml::map([("kind", Yaml::text("ServiceAccount")), ("serviceAccount", account)]);
        let requests = Yaml::map([
            ("apiGroups", Yaml::words([LEASES])),
            ("resources", Yaml::words(["leases"])),
            ("namespaces", Yaml::words(self.leases.keys())),
            ("verbs", Yaml::words(VERBS)),
        ]);
        let rule = Yaml::map([("subjects", Yaml::List(vec![subject])), ("resourceRules", Yaml::List(vec![requests]))]);
        let spec = Yaml::map([
            ("priorityLevelConfiguration", Yaml::map([("name", Yaml::text("leader-election"))])),
            ("matchingPrecedence", Yaml::Number(300)),
            ("distinguisherMethod", Yaml::map([("type", Yaml::text("ByUser"))])),
            ("rules", Yaml::List(vec![rule])),
        ]);
        // Names of the cluster are unique only with the namespace in them.
        let name = format!("{}-{}-leader", self.namespace, self.app);
        Yaml::map([
            ("apiVersion", Yaml::text("flowcontrol.apiserver.k8s.io/v1")),
            ("kind", Yaml::text("FlowSchema")),
            ("metadata", Yaml::map([("name", Yaml::text(name))])),
            ("spec", spec),
        ])
    }

    /// An object with the name and the namespace of the application.
    fn object(&self, version: &str, kind: &str, spec: Yaml) -> Yaml {
        let metadata = Yaml::map([("namespace", Yaml::text(&*self.namespace)), ("name", Yaml::text(&*self.app))]);
        Yaml::map([
            ("apiVersion", Yaml::text(version)),
            ("kind", Yaml::text(kind)),
            ("metadata", metadata),
            ("spec", spec),
        ])
    }

    /// What the identity of a holder, the namespace of its leases and the endpoint of a leader are made of, and where others find out
    /// whether the holder is dead.
    fn environment(&self) -> Yaml {
        let mut fields =
            vec![("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace"), ("POD_UID", "metadata.uid")];
        if self.traffic.iter().any(|traffic| traffic.service.is_some()) {
            fields.extend([("POD_IP", "status.podIP"), ("NODE_NAME", "spec.nodeName")]);
        }
        let variables = fields.into_iter().map(|(name, path)| {
            let field = Yaml::map([("fieldRef", Yaml::map([("fieldPath", Yaml::text(path))]))]);
            Yaml::map([("name", Yaml::text(name)), ("valueFrom", field)])
        });
        let state_dir = Yaml::map([("name", Yaml::text("LEASE_STATE_DIR")), ("value", Yaml::text(STATE_DIR))]);
        Yaml::List(variables.chain([state_dir]).collect())
    }

    fn selector(&self) -> Yaml {
        let (key, value) = &self.pod_label;
        Yaml::map([("matchLabels", Yaml::map([(key, Yaml::text(&**value))]))])
    }
}

fn probe(path: &str, port: u16) -> Yaml {
    let request = Yaml::map([("path", Yaml::text(path)), ("port", Yaml::Number(port.into()))]);
    Yaml::map([("httpGet", request), ("periodSeconds", Yaml::Number(10))])
}
