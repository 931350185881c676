//! What objects of files are judged by: other objects of files.

use std::sync::Arc;

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{AppEntry, Catalog, Cluster, ClusterKind, FleetEntry, RenderedKind};
use fleetgate_webhooks::credentials::Credentials;
use fleetgate_webhooks::normalise::of_stored;
use fleetgate_webhooks::{Kind, rejudged};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::core::DynamicObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    pub(super) catalog: Catalog,
    /// Secrets are rarely among the files: one that is not is unknown, not missing.
    pub(super) credentials: Credentials,
}

/// Something that objects are judged by.
pub(super) enum Fact {
    Fleet(Box<FleetEntry>),
    Cluster(Box<Cluster>),
    /// What other Applications may get in the way of.
    Application(Arc<AppEntry>),
    /// One of Flux's, which judges what is rendered.
    Crd(Box<DynamicObject>),
    /// What clusters and sources name.
    Secret(Box<Secret>),
    ServiceAccount(Box<ServiceAccount>),
}

impl Fact {
    /// What an object tells, whoever's it is; nothing, if the Catalog has no
    /// place for its kind.
    ///
    /// # Errors
    ///
    /// When it should tell something and cannot be read.
    pub(super) fn of(object: &Value) -> Result<Option<Self>, String> {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
        let fact = match Kind::of(group, text("kind")) {
            Some(kind @ Kind::Fleet) => {
                typed(kind, object).map(|fleet: Fleet| Some(Self::Fleet(Box::new(rejudged::fleet(&fleet)))))
            }
            Some(kind @ Kind::AttachedCluster) => typed(kind, object)
                .map(|cluster: AttachedCluster| Some(Self::Cluster(Box::new(rejudged::cluster(&cluster))))),
            // One that cannot be read is in nobody's way, and gets its findings.
            Some(kind @ Kind::Application) => Ok(typed(kind, object).ok().map(|application: Application| {
                Self::Application(Arc::new(AppEntry::from(&*of_stored(&application))))
            })),
            None if is_judging_crd(object) => {
                // By its own type, which says what is wrong with it.
                CustomResourceDefinition::deserialize(object)
                    .and_then(|_| DynamicObject::deserialize(object))
                    .map(|crd| Some(Self::Crd(Box::new(crd))))
            }
            None if text("apiVersion") == "v1" && text("kind") == "Secret" => Ok(secret(object)),
            None if text("apiVersion") == "v1" && text("kind") == "ServiceAccount" => {
                Ok(namespaced(object).map(|account| Self::ServiceAccount(Box::new(account))))
            }
            None => Ok(provisioned(group, object).map(|cluster| Self::Cluster(Box::new(cluster)))),
        };
        fact.map_err(|error| format!("cannot be read as its kind: {error}"))
    }

    /// Puts it where it belongs, in place of what was known before.
    pub(super) fn tell(self, learnt: &mut Learnt) {
        let Learnt { catalog, credentials } = learnt;
        match self {
            Self::Fleet(fleet) => {
                catalog.insert_fleet(*fleet);
            }
            Self::Cluster(cluster) => {
                catalog.insert_cluster(*cluster);
            }
            Self::Application(entry) => {
                catalog.insert_entry(entry);
            }
            Self::Crd(crd) => {
                catalog.insert_crd(&crd);
            }
            Self::Secret(secret) => credentials.insert_secret(*secret),
            Self::ServiceAccount(account) => {
                let namespace = account.namespace().unwrap_or_default();
                credentials.insert_service_account(&namespace, &account.name_any());
            }
        }
    }
}

/// A Secret whose content is there to be read. What is encrypted, or filled in
/// later, tells nothing.
fn secret(object: &Value) -> Option<Fact> {
    let is_encrypted = object.get("sops").is_some();
    let texts =
        object.get("stringData").and_then(Value::as_object).into_iter().flat_map(|data| data.values());
    let is_template = texts.filter_map(Value::as_str).any(|text| text.contains("${"));
    let secret = (!is_encrypted && !is_template).then(|| namespaced(object)).flatten();
    secret.map(|secret| Fact::Secret(Box::new(secret)))
}

/// A cluster that others provision.
fn provisioned(group: &str, object: &Value) -> Option<Cluster> {
    let kind = ClusterKind::of_object(group, object.get("kind")?.as_str()?)?;
    Some(Cluster::provisioned(kind, &namespaced(object)?))
}

/// An object of another's API, in the namespace that kubectl would put it
/// into. Of one that cannot be read nothing is learnt.
fn namespaced<K: DeserializeOwned + ResourceExt>(object: &Value) -> Option<K> {
    let mut object: K = serde_json::from_value(object.clone()).ok()?;
    object.meta_mut().namespace.get_or_insert_with(|| "default".to_owned());
    Some(object)
}

/// Whether it is a CRD by which rendered objects are judged.
fn is_judging_crd(object: &Value) -> bool {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    text("/apiVersion") == "apiextensions.k8s.io/v1"
        && text("/kind") == "CustomResourceDefinition"
        && RenderedKind::of(text("/spec/group"), text("/spec/names/kind")).is_some()
}

/// The object as the API server would store it, in its type.
fn typed<T: DeserializeOwned>(kind: Kind, object: &Value) -> serde_json::Result<T> {
    T::deserialize(&*kind.schema().prepared(object))
}
