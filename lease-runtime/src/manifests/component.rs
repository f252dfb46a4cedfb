//! The same objects as a component of kustomize.

use super::objects::ManifestPlan;
use crate::yaml::Yaml;

const OBJECTS: &str = "objects.yaml";
const PATCH: &str = "deployment.yaml";

/// The names and texts of the files of a component.
pub(super) type Files = [(&'static str, String); 3];

impl ManifestPlan {
    /// The files of the component, or the first namespace of others that has a lease.
    pub(super) fn component(&self) -> Result<Files, String> {
        if let Some(other) = self.leases.keys().find(|namespace| **namespace != self.namespace) {
            return Err(other.clone());
        }
        let patch = Yaml::map([("path", Yaml::text(PATCH))]);
        // Without a `target`: with one, kustomize says nothing if there is no such Deployment.
        let component = Yaml::map([
            ("apiVersion", Yaml::text("kustomize.config.k8s.io/v1alpha1")),
            ("kind", Yaml::text("Component")),
            ("resources", Yaml::List(vec![Yaml::text(OBJECTS)])),
            ("patches", Yaml::List(vec![patch])),
        ]);
        let objects: Vec<String> =
            self.objects().into_iter().map(|object| without_namespace(object).to_string()).collect();
        Ok([
            ("kustomization.yaml", component.to_string()),
            (OBJECTS, objects.join("---\n")),
            (PATCH, without_namespace(self.deployment_patch()).to_string()),
        ])
    }
}

/// The object without its namespace and without that of its subjects, which the kustomization of the user names. A patch with a
/// namespace would not find a Deployment without one.
fn without_namespace(object: Yaml) -> Yaml {
    let Yaml::Map(fields) = object else { return object };
    let fields = fields.into_iter().map(|(key, value)| match (&*key, value) {
        ("metadata", value) => (key, without_field(value)),
        ("subjects", Yaml::List(subjects)) => (key, Yaml::List(subjects.into_iter().map(without_field).collect())),
        (_, value) => (key, value),
    });
    Yaml::Map(fields.collect())
}

fn without_field(value: Yaml) -> Yaml {
    let Yaml::Map(mut fields) = value else { return value };
    fields.retain(|(key, _)| key != "namespace");
    Yaml::Map(fields)
}
