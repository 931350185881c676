//! Whom the objects of a plan belong to, and the metadata that says so.

use std::collections::BTreeMap;

use fleetgate_api::Application;
use fleetgate_api::names::{ANNOTATION_POLICY, LABEL_APPLICATION, LABEL_SHARD};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use kube::{Resource, ResourceExt};

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
    /// `application`, as an owner.
    #[must_use]
    pub fn of(application: &Application) -> Self {
        Self {
            namespace: application.namespace().unwrap_or_default(),
            name: application.name_any(),
            uid: application.uid(),
            shard: application.labels().get(LABEL_SHARD).cloned(),
        }
    }

    /// The metadata of the child `name` that delivers `policy`, or of the source.
    pub(crate) fn metadata(&self, name: String, policy: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()).filter(|namespace| !namespace.is_empty()),
            labels: Some(self.labels()),
            annotations: policy.map(|policy| [(ANNOTATION_POLICY.to_owned(), policy.to_owned())].into()),
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
