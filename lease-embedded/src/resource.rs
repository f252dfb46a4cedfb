//! The kinds of objects that this API has, and the rules of each.

use serde_json::{Map, Value};

use super::field_error::FieldError;
use super::go_decoder::{self, Struct};
use super::loose;
use super::validate;

/// One resource of one API group and version.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
    /// Where its objects are stored. The two kinds of Event are two views of the same stored objects.
    pub(crate) storage: Storage,
    pub(crate) schema: &'static Struct,
    /// Pairs of names for fields that have one name in this resource and another in the store.
    pub(crate) renamed: &'static [(&'static str, &'static str)],
    /// `PUT` without a `resourceVersion` overwrites.
    pub(crate) unconditional_update: bool,
    /// `PUT` of a missing object creates it.
    pub(crate) create_on_update: bool,
    pub(crate) validate: fn(&Value, Option<&Value>) -> Vec<FieldError>,
    /// Field selectors: each label with the path of the stored field.
    pub(crate) selectable: &'static [(&'static str, &'static str)],
}

/// Which objects are stored together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storage {
    Namespaces,
    Leases,
    Events,
    Pods,
    Services,
    EndpointSlices,
}

const NAME: (&str, &str) = ("metadata.name", "/metadata/name");
const NAMESPACE: (&str, &str) = ("metadata.namespace", "/metadata/namespace");

pub(crate) static LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    singular: "lease",
    short: &[],
    kind: "Lease",
    namespaced: true,
    storage: Storage::Leases,
    schema: &go_decoder::LEASE,
    renamed: &[],
    unconditional_update: false,
    create_on_update: true,
    validate: validate::lease,
    selectable: &[NAME, NAMESPACE],
};

pub(crate) static NAMESPACES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "namespaces",
    singular: "namespace",
    short: &["ns"],
    kind: "Namespace",
    namespaced: false,
    storage: Storage::Namespaces,
    schema: &go_decoder::NAMESPACE,
    renamed: &[],
    unconditional_update: true,
    create_on_update: false,
    validate: validate::namespace,
    selectable: &[NAME, ("status.phase", "/status/phase")],
};

pub(crate) static CORE_EVENTS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "events",
    singular: "event",
    short: &["ev"],
    kind: "Event",
    namespaced: true,
    storage: Storage::Events,
    schema: &go_decoder::CORE_EVENT,
    renamed: &[],
    unconditional_update: true,
    create_on_update: true,
    validate: validate::core_event,
    selectable: &[
        NAME,
        NAMESPACE,
        ("involvedObject.kind", "/involvedObject/kind"),
        ("involvedObject.namespace", "/involvedObject/namespace"),
        ("involvedObject.name", "/involvedObject/name"),
        ("involvedObject.uid", "/involvedObject/uid"),
        ("reason", "/reason"),
        ("reportingComponent", "/reportingComponent"),
        ("type", "/type"),
    ],
};

pub(crate) static EVENTS: Resource = Resource {
    group: "events.k8s.io",
    version: "v1",
    plural: "events",
    singular: "event",
    short: &["ev"],
    kind: "Event",
    namespaced: true,
    storage: Storage::Events,
    schema: &go_decoder::EVENT,
    renamed: &[
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
    ],
    unconditional_update: true,
    create_on_update: true,
    validate: validate::event,
    selectable: &[
        NAME,
        NAMESPACE,
        ("regarding.kind", "/involvedObject/kind"),
        ("regarding.namespace", "/involvedObject/namespace"),
        ("regarding.name", "/involvedObject/name"),
        ("regarding.uid", "/involvedObject/uid"),
        ("reason", "/reason"),
        ("reportingController", "/reportingComponent"),
        ("type", "/type"),
    ],
};

pub(crate) static PODS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "pods",
    singular: "pod",
    short: &["po"],
    kind: "Pod",
    namespaced: true,
    storage: Storage::Pods,
    schema: &loose::POD,
    renamed: &[],
    unconditional_update: true,
    create_on_update: false,
    validate: loose::pod,
    selectable: &[NAME, NAMESPACE],
};

pub(crate) static SERVICES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "services",
    singular: "service",
    short: &["svc"],
    kind: "Service",
    namespaced: true,
    storage: Storage::Services,
    schema: &loose::SERVICE,
    renamed: &[],
    unconditional_update: true,
    create_on_update: false,
    validate: loose::service,
    selectable: &[NAME, NAMESPACE],
};

pub(crate) static ENDPOINT_SLICES: Resource = Resource {
    group: "discovery.k8s.io",
    version: "v1",
    plural: "endpointslices",
    singular: "endpointslice",
    short: &[],
    kind: "EndpointSlice",
    namespaced: true,
    storage: Storage::EndpointSlices,
    schema: &loose::ENDPOINT_SLICE,
    renamed: &[],
    unconditional_update: true,
    create_on_update: false,
    validate: loose::endpoint_slice,
    selectable: &[NAME, NAMESPACE],
};

/// All of them, in the order discovery lists them.
pub(crate) static ALL: [&Resource; 7] =
    [&CORE_EVENTS, &NAMESPACES, &PODS, &SERVICES, &LEASES, &ENDPOINT_SLICES, &EVENTS];

/// The resource with this name, as in `pods`. The two kinds of Event have the same name, and the first is returned.
pub(crate) fn named(plural: &str) -> Option<&'static Resource> {
    ALL.into_iter().find(|resource| resource.plural == plural)
}

impl Resource {
    /// `leases.coordination.k8s.io`, as messages name it.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Converts an object of this resource to its stored form: without kind and version, with the store's names of fields.
    pub(crate) fn to_storage(&self, mut object: Map<String, Value>) -> Value {
        object.remove("kind");
        object.remove("apiVersion");
        for (here, stored) in self.renamed {
            if let Some(value) = object.remove(*here) {
                object.insert((*stored).to_owned(), value);
            }
        }
        Value::Object(object)
    }

    /// Converts a stored object to an item of a list: like [`to_view`](Resource::to_view), without kind and version.
    pub(crate) fn to_item(&self, stored: &Value) -> Map<String, Value> {
        let mut object = stored.as_object().cloned().unwrap_or_default();
        for (here, stored) in self.renamed {
            if let Some(value) = object.remove(*stored) {
                object.insert((*here).to_owned(), value);
            }
        }
        object
    }

    /// Converts a stored object to the form in which this resource shows it.
    pub(crate) fn to_view(&self, stored: &Value) -> Value {
        let mut object = self.to_item(stored);
        object.insert("kind".to_owned(), Value::from(self.kind));
        object.insert("apiVersion".to_owned(), Value::from(self.api_version()));
        Value::Object(object)
    }
}
