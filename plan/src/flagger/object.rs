//! An object in a member cluster, and the kinds that there are.

use std::collections::BTreeMap;

use fleetgate_api::names::{ANNOTATION_OWNER, ANNOTATION_ROLLOUT, LABEL_APPLICATION};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, ObjectMeta, TypeMeta};
use serde_json::{Map, Value};

use super::Context;

/// A kind of object that Fleetgate writes into member clusters for a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberKind {
    /// `v1` Namespace.
    Namespace,
    /// `apps/v1` Deployment.
    Deployment,
    /// `v1` Service.
    Service,
    /// `networking.k8s.io/v1` Ingress.
    Ingress,
    /// `flagger.app/v1beta1` `MetricTemplate`.
    MetricTemplate,
    /// `flagger.app/v1beta1` Canary.
    Canary,
}

impl MemberKind {
    /// Every kind, in the order in which they are applied. Removed is in the
    /// opposite order.
    pub const ALL: [Self; 6] =
        [Self::Namespace, Self::Deployment, Self::Service, Self::Ingress, Self::MetricTemplate, Self::Canary];

    /// The object's `kind`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Deployment => "Deployment",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::MetricTemplate => "MetricTemplate",
            Self::Canary => "Canary",
        }
    }

    /// The object's API group; empty for the core group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Namespace | Self::Service => "",
            Self::Deployment => "apps",
            Self::Ingress => "networking.k8s.io",
            Self::MetricTemplate | Self::Canary => "flagger.app",
        }
    }

    /// The object's API version.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::MetricTemplate | Self::Canary => "v1beta1",
            Self::Namespace | Self::Deployment | Self::Service | Self::Ingress => "v1",
        }
    }

    /// The resource's name in URLs and roles.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Deployment => "deployments",
            Self::Service => "services",
            Self::Ingress => "ingresses",
            Self::MetricTemplate => "metrictemplates",
            Self::Canary => "canaries",
        }
    }

    /// Whether it may be removed with the rollout. A Namespace belongs to
    /// everybody in it: what was set on it stays.
    #[must_use]
    pub const fn is_removed(self) -> bool {
        !matches!(self, Self::Namespace)
    }

    /// What a client needs to address objects of this kind.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group(), self.version(), self.kind());
        ApiResource::from_gvk_with_plural(&gvk, self.plural())
    }
}

/// An object that is to stand in a member cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberObject {
    /// Its kind.
    pub kind: MemberKind,
    /// Its namespace; `None` for a Namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its fields beside the metadata.
    pub body: Map<String, Value>,
    /// Which of the rollout's list items it, or its own list, was made of.
    pub(super) items: Vec<usize>,
}

impl MemberObject {
    /// An object of the release, marked as its own.
    pub(super) fn new(
        context: &Context<'_>,
        kind: MemberKind,
        name: String,
        body: Map<String, Value>,
    ) -> Self {
        let release = context.release;
        let owner = format!("{}/{}", release.namespace, release.application);
        Self {
            kind,
            namespace: Some(context.namespace.to_owned()),
            name,
            labels: BTreeMap::from([(LABEL_APPLICATION.to_owned(), release.application.to_owned())]),
            annotations: BTreeMap::from([
                (ANNOTATION_ROLLOUT.to_owned(), release.policy.to_owned()),
                (ANNOTATION_OWNER.to_owned(), owner),
            ]),
            body,
            items: Vec::new(),
        }
    }

    /// The object as it is sent to the cluster's API server.
    #[must_use]
    pub fn render(&self) -> DynamicObject {
        let resource = self.kind.resource();
        DynamicObject {
            types: Some(TypeMeta { api_version: resource.api_version, kind: resource.kind }),
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: self.namespace.clone(),
                labels: (!self.labels.is_empty()).then(|| self.labels.clone()),
                annotations: (!self.annotations.is_empty()).then(|| self.annotations.clone()),
                ..ObjectMeta::default()
            },
            data: Value::Object(self.body.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{find, rollout};
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_says_whose_it_is() {
        let canary = find(&rollout("kubernetes", json!({})), MemberKind::Canary);
        let rendered = serde_json::to_value(canary[0].render()).expect("it serialises");
        assert_eq!(rendered["apiVersion"], "flagger.app/v1beta1");
        assert_eq!(
            rendered["metadata"],
            json!({
                "name": "backend", "namespace": "webapp",
                "labels": {"apps.kurator.dev/app-name": "shop"},
                "annotations": {"fleetgate.dev/application": "default/shop", "kurator.dev/rollout": "web"},
            })
        );
    }

    #[test]
    fn kinds_are_addressed_by_group_and_plural() {
        let addressed: Vec<_> = MemberKind::ALL
            .iter()
            .map(|kind| format!("{}/{}", kind.resource().api_version, kind.resource().plural))
            .collect();
        assert_eq!(
            addressed.join(" "),
            "v1/namespaces apps/v1/deployments v1/services networking.k8s.io/v1/ingresses \
             flagger.app/v1beta1/metrictemplates flagger.app/v1beta1/canaries"
        );
        assert!(!MemberKind::Namespace.is_removed());
    }
}
