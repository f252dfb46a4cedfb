//! The objects around a Service whose traffic goes to the leader.

use serde_json::json;

use crate::cluster::Cluster;

impl Cluster {
    /// A Service without a selector, and the service account of its pods.
    ///
    /// # Panics
    ///
    /// If one of them is refused.
    pub async fn create_service(&self, name: &str) {
        let core = format!("/api/v1/namespaces/{}", self.namespace);
        // The embedded API has no service accounts, and does not ask for one.
        if self.hooks().is_none() {
            self.create(&format!("{core}/serviceaccounts"), &json!({ "metadata": { "name": name } })).await;
        }
        let service = json!({
            "metadata": { "name": name },
            "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": "http" }] },
        });
        self.create(&format!("{core}/services"), &service).await;
    }

    /// A pod of this Service, which no kubelet starts. Returns its uid.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn create_pod(&self, service: &str, name: &str) -> String {
        let pod = json!({
            "metadata": { "name": name, "labels": { "app": service } },
            "spec": {
                "serviceAccountName": service, "automountServiceAccountToken": false,
                "containers": [{
                    "name": "main", "image": "orders:latest", "ports": [{ "name": "http", "containerPort": 8080 }],
                }],
            },
        });
        let created = self.create(&format!("/api/v1/namespaces/{}/pods", self.namespace), &pod).await;
        created["metadata"]["uid"].as_str().expect("a pod without a uid").to_owned()
    }
}
