//! Whom the objects of a plan belong to, and the metadata that says so.

use std::collections::BTreeMap;

use fleetgate_api::Application;
use fleetgate_api::names::{ANNOTATION_DESTINATION, ANNOTATION_POLICY, LABEL_APPLICATION, LABEL_SHARD};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use kube::{Resource, ResourceExt};

use crate::names::bounded;

/// Whom the children belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Namespace of the Application, and of everything that it becomes.
    pub namespace: String,
    /// Name of the Application.
    pub name: String,
    /// Its uid; `None` offline, and then no owner reference is written.
    pub uid: Option<String>,
    /// The shard of Flux's controllers that is to look after it, by Flux's own
    /// label ([`LABEL_SHARD`]).
    pub shard: Option<String>,
}

impl Owner {
    /// `application`, as an owner: every object of every policy says all of it.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        let short = |text: &str| bounded(text).to_owned();
        let metadata = &application.metadata;
        Self {
            namespace: metadata.namespace.as_deref().map(short).unwrap_or_default(),
            name: short(&application.name_any()),
            uid: metadata.uid.as_deref().map(short),
            shard: application.labels().get(LABEL_SHARD).map(|shard| short(shard)),
        }
    }

    /// The metadata of the child `name` that delivers a policy, given with the
    /// digest of its destination, or of the source.
    pub(crate) fn metadata(&self, name: String, policy: Option<(&str, &str)>) -> ObjectMeta {
        let annotations = |(policy, destination)| {
            let annotations = [(ANNOTATION_POLICY, policy), (ANNOTATION_DESTINATION, destination)];
            annotations.map(|(name, value): (&str, &str)| (name.to_owned(), value.to_owned())).into()
        };
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            labels: Some(self.labels()),
            annotations: policy.map(annotations),
            owner_references: self.reference().map(|reference| vec![reference]),
            ..ObjectMeta::default()
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let application = (LABEL_APPLICATION.to_owned(), self.name.clone());
        let shard = self.shard.clone().map(|shard| (LABEL_SHARD.to_owned(), shard));
        std::iter::once(application).chain(shard).collect()
    }

    fn reference(&self) -> Option<OwnerReference> {
        Some(OwnerReference {
            api_version: Application::api_version(&()).into_owned(),
            kind: Application::kind(&()).into_owned(),
            name: self.name.clone(),
            uid: self.uid.clone()?,
            controller: Some(true),
            block_owner_deletion: Some(true),
        })
    }
}

/// The uid of whom the object belongs to: its controller, or where it has none
/// the one Application that it names as an owner. Kurator names its own so.
#[must_use]
pub fn owner_of(object: &impl ResourceExt) -> Option<&str> {
    let owners = object.owner_references();
    if let Some(controller) = owners.iter().find(|owner| owner.controller == Some(true)) {
        return Some(&controller.uid);
    }
    let group = Application::group(&());
    let mut applications = owners.iter().filter(|owner| {
        owner.kind == Application::kind(&())
            && owner.api_version.split_once('/').is_some_and(|(of, _)| of == group)
    });
    let first = applications.next()?;
    applications.next().is_none().then_some(&first.uid)
}

#[cfg(test)]
mod tests {
    use super::owner_of;
    use crate::test_fixtures::{rendered_with, source, two_clusters};
    use kube::core::DynamicObject;
    use serde_json::json;

    #[test]
    fn a_shard_is_that_of_the_source_and_of_every_kustomization() {
        let table = [
            (json!({"sharding.fluxcd.io/key": "s1", "team": "a"}), json!("s1")),
            (json!({"team": "a"}), json!(null)),
        ];
        for (labels, expected) in table {
            let spec = json!({
                "source": source("gitRepository"), "destination": {"fleet": "quickstart"},
                "syncPolicies": [{"kustomization": {"interval": "5m", "prune": true}}],
            });
            let objects = rendered_with(labels, spec, &two_clusters());
            let of = |object: &serde_json::Value| {
                let labels = &object["metadata"]["labels"];
                (object["kind"].clone(), labels["sharding.fluxcd.io/key"].clone())
            };
            let kinds = ["GitRepository", "Kustomization", "Kustomization"];
            let all = kinds.map(|kind| (json!(kind), expected.clone()));
            assert_eq!(objects.iter().map(of).collect::<Vec<_>>(), all);
        }
    }

    #[test]
    fn it_belongs_to_its_controller_or_to_the_one_application_that_it_names() {
        let application = |uid: &str, controller: Option<bool>| json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": uid, "controller": controller});
        let other = |controller: Option<bool>| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "other", "controller": controller});
        let table = [
            (json!([]), None),
            (json!([application("u1", Some(true))]), Some("u1")),
            (json!([application("u1", None)]), Some("u1")),
            (json!([application("u1", Some(false)), other(None)]), Some("u1")),
            (json!([application("u1", None), other(Some(true))]), Some("other")),
            (json!([application("u1", None), application("u2", None)]), None),
            (json!([application("u1", None), application("u2", Some(true))]), Some("u2")),
            (json!([other(None)]), None),
            (
                json!([{"apiVersion": "core.oam.dev/v1beta1", "kind": "Application", "name": "shop", "uid": "u1"}]),
                None,
            ),
        ];
        for (owners, expected) in table {
            let object = json!({"metadata": {"name": "web", "ownerReferences": owners}});
            let object: DynamicObject = serde_json::from_value(object).expect("an object");
            assert_eq!(owner_of(&object), expected, "{owners}");
        }
    }
}
