//! Objects in their types, as far as rules read them: what identifies them,
//! their age, their labels, their spec.
//!
//! The rest of the metadata and the status are nobody's business here, may be
//! large, and should not keep an object from being parsed. Of a stored Application
//! it is read whether something is held.

use fleetgate_api::application::ApplicationSpec;
use fleetgate_api::attached_cluster::AttachedClusterSpec;
use fleetgate_api::fleet::FleetSpec;
use fleetgate_api::{Application, ApplicationStatus, AttachedCluster, Fleet, HeldStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One of our own kinds, made of what rules read.
pub(crate) trait Typed: Sized {
    /// The type of its spec.
    type Spec: DeserializeOwned;

    /// The object without status.
    fn of_parts(metadata: ObjectMeta, spec: Self::Spec) -> Self;
}

impl Typed for Application {
    type Spec = ApplicationSpec;

    fn of_parts(metadata: ObjectMeta, spec: ApplicationSpec) -> Self {
        Self { metadata, spec, status: None }
    }
}

impl Typed for Fleet {
    type Spec = FleetSpec;

    fn of_parts(metadata: ObjectMeta, spec: FleetSpec) -> Self {
        Self { metadata, spec, status: None }
    }
}

impl Typed for AttachedCluster {
    type Spec = AttachedClusterSpec;

    fn of_parts(metadata: ObjectMeta, spec: AttachedClusterSpec) -> Self {
        Self { metadata, spec, status: None }
    }
}

/// Reads an object.
///
/// # Errors
///
/// When its spec does not have its type.
pub(crate) fn typed<T: Typed>(object: &Value) -> serde_json::Result<T> {
    let spec = T::Spec::deserialize(object.get("spec").unwrap_or(&Value::Null))?;
    Ok(T::of_parts(metadata(object), spec))
}

/// The Application with what its status says is held, and nothing else of that.
pub(crate) fn with_held(application: Application, object: &Value) -> Application {
    let held = object.pointer("/status/held").and_then(|held| HeldStatus::deserialize(held).ok());
    Application { status: Some(ApplicationStatus { held, ..ApplicationStatus::default() }), ..application }
}

fn metadata(object: &Value) -> ObjectMeta {
    let metadata = object.get("metadata");
    let text = |field: &str| metadata?.get(field)?.as_str().map(str::to_owned);
    let labels = metadata.and_then(|metadata| metadata.get("labels")).and_then(Value::as_object);
    let label = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    ObjectMeta {
        name: text("name"),
        generate_name: text("generateName"),
        namespace: text("namespace"),
        creation_timestamp: text("creationTimestamp").and_then(|time| time.parse().ok()).map(Time),
        labels: labels.map(|labels| labels.iter().filter_map(label).collect()),
        ..ObjectMeta::default()
    }
}
