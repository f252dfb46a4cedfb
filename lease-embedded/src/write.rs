//! Creates, replaces, patches and deletes objects, with the real server's checks in the real server's order.

use std::sync::Arc;

use serde_json::{Value, json};

use super::field_error::FieldError;
use super::object_meta;
use super::resource::{Resource, Storage};
use super::route::Target;
use super::settings::Settings;
use super::status::{self, Failure};
use super::store::{Key, Store};
use super::time::{self, Layout};
use lease_protocol::clock::WallTime;

/// What a write needs in addition to the object.
pub(crate) struct Writer<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: &'a str,
    pub(crate) wall: WallTime,
    pub(crate) dry_run: bool,
    /// Whether the feature gate `CoordinatedLeaderElection` is on. If not, writes drop its fields without validation.
    pub(crate) coordinated: bool,
}

/// The result of a write.
#[derive(Debug)]
pub(crate) enum Written {
    Created(Arc<Value>),
    Stored(Arc<Value>),
    /// Deleted at once. This is the status to answer with.
    Gone(Value),
}

/// Preconditions of a deletion.
#[derive(Debug, Default)]
pub(crate) struct Preconditions {
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    /// `Orphan` and `Foreground` add a finalizer. The garbage collector, which does not run here, would remove it.
    pub(crate) propagation: Option<String>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(store: &'a mut Store, target: &'a Target, settings: &Settings, dry_run: bool) -> Writer<'a> {
        Writer {
            store,
            resource: target.resource,
            namespace: target.namespace.as_deref().unwrap_or_default(),
            wall: settings.clock.wall(),
            dry_run,
            coordinated: settings.coordinated,
        }
    }

    fn key(&self, name: &str) -> Key {
        Key::new(self.resource.storage, self.namespace, name)
    }

    /// `POST`.
    pub(crate) fn create(&mut self, object: Value) -> Result<Written, Failure> {
        let object = self.prepare_new(object)?;
        let key = self.key(object_meta::text(&object, "name"));
        // A creation ignores a version that is not a number. An update refuses it.
        if object_meta::text(&object, "resourceVersion").parse::<u64>().is_ok_and(|version| version != 0) {
            return Err(Failure::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        if self.store.get(&key).is_some() {
            return Err(Failure::already_exists(self.resource, &key.name));
        }
        Ok(Written::Created(self.commit(key, object)))
    }

    /// `PUT`, `PATCH` and apply: `produce` makes the new object from the current one.
    ///
    /// `create` says whether a missing object may be created; `uid` is a precondition.
    pub(crate) fn update(
        &mut self,
        name: &str,
        create: bool,
        uid: Option<&str>,
        produce: impl FnOnce(Option<&Value>) -> Result<Value, Failure>,
    ) -> Result<Written, Failure> {
        let key = self.key(name);
        let current = self.store.get(&key).cloned();
        if current.is_none() && !create {
            return Err(Failure::not_found(self.resource, name));
        }
        if let Some(uid) = uid {
            self.check_uid(name, uid, current.as_deref())?;
        }
        let object = produce(current.as_deref())?;
        check_version(&object)?;
        let Some(current) = current else {
            let mut object = self.prepare_new(object)?;
            object_meta::set(&mut object, "resourceVersion", None);
            return Ok(Written::Created(self.commit(key, object)));
        };
        let object = self.prepare_update(name, object, &current)?;
        let released =
            object_meta::field(&current, "deletionTimestamp").is_some() && object_meta::finalizers(&object).is_empty();
        if released {
            if !self.dry_run {
                self.store.commit(key, None);
            }
            return Ok(Written::Stored(Arc::new(object)));
        }
        // The real server does not write an update that changes nothing, so the revision stays the same.
        if object == *current {
            return Ok(Written::Stored(current));
        }
        Ok(Written::Stored(self.commit(key, object)))
    }

    /// `DELETE` of one object.
    pub(crate) fn delete(&mut self, name: &str, preconditions: &Preconditions) -> Result<Written, Failure> {
        let key = self.key(name);
        let current = self.store.get(&key).cloned().ok_or_else(|| Failure::not_found(self.resource, name))?;
        if let Some(uid) = &preconditions.uid {
            let found = object_meta::text(&current, "uid");
            if found != uid {
                let why = format!(
                    "the UID in the precondition ({uid}) does not match the UID in record ({found}). The object might have \
                     been deleted and then recreated"
                );
                return Err(Failure::deletion_conflict(self.resource, name, &why));
            }
        }
        if let Some(version) = &preconditions.version {
            let found = object_meta::text(&current, "resourceVersion");
            if found != version {
                let why = format!(
                    "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record \
                     ({found}). The object might have been modified"
                );
                return Err(Failure::deletion_conflict(self.resource, name, &why));
            }
        }
        let mut finalizers: Vec<String> = object_meta::finalizers(&current).into_iter().map(str::to_owned).collect();
        match preconditions.propagation.as_deref() {
            Some("Orphan") => finalizers.push("orphan".to_owned()),
            Some("Foreground") => finalizers.push("foregroundDeletion".to_owned()),
            _ => {}
        }
        if !finalizers.is_empty() && self.resource.storage != Storage::Namespaces {
            if object_meta::field(&current, "deletionTimestamp").is_some() {
                return Ok(Written::Stored(current));
            }
            let mut object = Value::clone(&current);
            let now = time::of_wall(self.wall, Layout::Seconds);
            object_meta::set(&mut object, "deletionTimestamp", Some(Value::from(now)));
            object_meta::set(&mut object, "deletionGracePeriodSeconds", Some(Value::from(0)));
            object_meta::set(&mut object, "finalizers", Some(json!(finalizers)));
            return Ok(Written::Stored(self.commit(key, object)));
        }
        let answer = status::deleted(self.resource, name, object_meta::text(&current, "uid"));
        if !self.dry_run {
            if self.resource.storage == Storage::Namespaces {
                self.empty_namespace(name);
            }
            self.store.commit(key, None);
        }
        Ok(Written::Gone(answer))
    }

    /// Deletes all objects of a namespace at once, even if they have finalizers.
    fn empty_namespace(&mut self, namespace: &str) {
        for storage in [Storage::Leases, Storage::Events, Storage::Pods, Storage::Services, Storage::EndpointSlices] {
            let keys: Vec<Key> = self.store.list(storage, Some(namespace)).map(|(key, _)| key.clone()).collect();
            for key in keys {
                self.store.commit(key, None);
            }
        }
    }

    fn commit(&mut self, key: Key, object: Value) -> Arc<Value> {
        if self.dry_run {
            return Arc::new(object);
        }
        let fallback = Arc::new(Value::Null);
        self.store.commit(key, Some(object)).unwrap_or(fallback)
    }

    fn check_uid(&self, name: &str, uid: &str, current: Option<&Value>) -> Result<(), Failure> {
        let found = current.map_or("", |object| object_meta::text(object, "uid"));
        if found == uid {
            return Ok(());
        }
        let place = format!("/registry/{}/{}/{name}", self.resource.plural, self.namespace);
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
        );
        Err(Failure::conflict(self.resource, name, &why))
    }

    /// Sets the fields that the server owns, then validates a new object.
    fn prepare_new(&mut self, mut object: Value) -> Result<Value, Failure> {
        self.check_namespace(&mut object)?;
        let generate = object_meta::text(&object, "generateName");
        if object_meta::text(&object, "name").is_empty() && !generate.is_empty() {
            let name = self.store.generate_name(generate);
            object_meta::set(&mut object, "name", Some(Value::from(name)));
        }
        self.require_namespace()?;
        for field in object_meta::SYSTEM_FIELDS {
            object_meta::set(&mut object, field, None);
        }
        let uid = self.store.uid();
        object_meta::set(&mut object, "uid", Some(Value::from(uid)));
        let now = time::of_wall(self.wall, Layout::Seconds);
        object_meta::set(&mut object, "creationTimestamp", Some(Value::from(now)));
        if self.resource.storage == Storage::Namespaces {
            object["spec"] = json!({ "finalizers": ["kubernetes"] });
            object["status"] = json!({ "phase": "Active" });
            let mut labels = object_meta::field(&object, "labels").cloned().unwrap_or_else(|| json!({}));
            labels["kubernetes.io/metadata.name"] = Value::from(object_meta::text(&object, "name"));
            object_meta::set(&mut object, "labels", Some(labels));
        }
        self.drop_disabled(&mut object, None);
        self.check(object_meta::text(&object, "name"), &object, None)?;
        Ok(object)
    }

    /// Checks the version, restores the fields that an update cannot change, then validates.
    fn prepare_update(&self, name: &str, mut object: Value, current: &Value) -> Result<Value, Failure> {
        let found = object_meta::text(current, "resourceVersion");
        let given = object_meta::text(&object, "resourceVersion");
        match if given == "0" { "" } else { given } {
            "" if self.resource.unconditional_update => {
                object_meta::set(&mut object, "resourceVersion", Some(Value::from(found)));
            }
            "" => {
                let error =
                    FieldError::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
                return Err(Failure::invalid(self.resource.group, self.resource.plural, name, &[error]));
            }
            version if version != found => return Err(Failure::stale(self.resource, name)),
            _ => {}
        }
        self.check_namespace(&mut object)?;
        for field in ["creationTimestamp", "generation", "selfLink"] {
            object_meta::set(&mut object, field, object_meta::field(current, field).cloned());
        }
        if object_meta::field(current, "deletionTimestamp").is_some() {
            object_meta::set(
                &mut object,
                "deletionTimestamp",
                object_meta::field(current, "deletionTimestamp").cloned(),
            );
        }
        for field in ["uid", "deletionGracePeriodSeconds"] {
            if object_meta::field(&object, field).is_none() {
                object_meta::set(&mut object, field, object_meta::field(current, field).cloned());
            }
        }
        if self.resource.storage == Storage::Namespaces {
            for field in ["spec", "status"] {
                object[field] = current.get(field).cloned().unwrap_or_else(|| json!({}));
            }
        }
        self.drop_disabled(&mut object, Some(current));
        self.check(name, &object, Some(current))?;
        Ok(object)
    }

    fn check(&self, name: &str, object: &Value, current: Option<&Value>) -> Result<(), Failure> {
        let errors = (self.resource.validate)(object, current);
        if errors.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid(self.resource.group, self.resource.kind, name, &errors))
    }

    /// An object may leave out its namespace. If it has one, it must be that of the request.
    fn check_namespace(&self, object: &mut Value) -> Result<(), Failure> {
        match object_meta::text(object, "namespace") {
            found if found == self.namespace => Ok(()),
            "" => {
                object_meta::set(object, "namespace", Some(Value::from(self.namespace)));
                Ok(())
            }
            _ => Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            )),
        }
    }

    fn require_namespace(&self) -> Result<(), Failure> {
        let key = Key::new(Storage::Namespaces, "", self.namespace);
        if !self.resource.namespaced || self.store.get(&key).is_some() {
            return Ok(());
        }
        Err(Failure::not_found(&super::resource::NAMESPACES, self.namespace))
    }

    fn drop_disabled(&self, object: &mut Value, current: Option<&Value>) {
        if self.coordinated || self.resource.storage != Storage::Leases {
            return;
        }
        for field in ["strategy", "preferredHolder"] {
            let had = current.and_then(|current| current.get("spec")?.get(field)).is_some();
            if !had && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove(field);
            }
        }
    }
}

/// The version of an object must be a number, even if it is not compared.
fn check_version(object: &Value) -> Result<(), Failure> {
    match object_meta::text(object, "resourceVersion") {
        "" => Ok(()),
        text if text.parse::<u64>().is_ok() => Ok(()),
        text => Err(Failure::new(500, "", format!("strconv.ParseUint: parsing {text:?}: invalid syntax"))),
    }
}

/// The name and namespace in the body of a `PUT` must be those of the path.
pub(crate) fn check_name(object: &Value, name: &str, namespace: &str) -> Result<(), Failure> {
    match object_meta::text(object, "name") {
        "" => {
            let why = format!("the name of the object ({name} based on URL) was undeterminable: name must be provided");
            return Err(Failure::bad_request(why));
        }
        found if found != name => {
            let why = format!("the name of the object ({found}) does not match the name on the URL ({name})");
            return Err(Failure::bad_request(why));
        }
        _ => {}
    }
    match object_meta::text(object, "namespace") {
        "" => Ok(()),
        found if found == namespace => Ok(()),
        found => Err(Failure::bad_request(format!(
            "the namespace of the object ({found}) does not match the namespace on the request ({namespace})"
        ))),
    }
}
