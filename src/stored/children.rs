//! The Flux objects that a cluster has stored.

use anyhow::Context as _;
use fleetgate_api::names::LABEL_APPLICATION;
use fleetgate_plan::prune::Existing;
use fleetgate_plan::{FluxKind, KubeconfigRef, Owner, Plan, Purpose, owner_of};
use kube::api::{DynamicObject, ListParams};
use kube::{Client, ResourceExt};
use serde_json::Value;

use super::{Scope, in_words, list, within};

/// A Flux object.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) kind: FluxKind,
    pub(crate) object: DynamicObject,
}

impl Child {
    /// Whether it belongs to the Application of that uid.
    pub(crate) fn is_of(&self, uid: Option<&str>) -> bool {
        uid.is_some() && owner_of(&self.object) == uid
    }

    /// What of it decides what becomes of it.
    pub(crate) fn existing(&self) -> Existing<'_> {
        let metadata = &self.object.metadata;
        Existing {
            kind: self.kind,
            name: metadata.name.as_deref().unwrap_or_default(),
            uid: metadata.uid.as_deref().unwrap_or_default(),
            purpose: self.purpose(),
        }
    }

    /// What it was made for.
    pub(crate) fn purpose(&self) -> Purpose<'_> {
        let annotation = |name: &str| self.object.annotations().get(name).map(String::as_str);
        Purpose::new(self.kind, annotation)
    }

    /// The Secret with the kubeconfig that it names.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.object.data.pointer("/spec/kubeConfig/secretRef/name").and_then(Value::as_str)
    }

    /// The kubeconfig that it names.
    pub(crate) fn kubeconfig(&self) -> Option<KubeconfigRef> {
        KubeconfigRef::of(self.object.data.get("spec")?)
    }

    /// Whether it is on its way out.
    pub(crate) fn is_going(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }
}

/// The plan, in which those of the `children` that are its own keep the names
/// that Kurator cut.
pub(crate) fn keeping_names(plan: Plan, children: &[Child]) -> Plan {
    let Owner { namespace, name, uid, .. } = plan.owner.clone();
    plan.keeping(|kind, cut, kubeconfig| {
        children.iter().any(|child| {
            child.kind == kind
                && child.object.name_any() == cut
                && child.object.namespace().unwrap_or_default() == namespace
                && child.is_of(uid.as_deref())
                && child.object.labels().get(LABEL_APPLICATION) == Some(&name)
                && child.kubeconfig().as_ref() == kubeconfig
        })
    })
}

/// The Flux objects in `scope` that carry an Application's label. Kinds that
/// the cluster does not have, it has no objects of.
///
/// # Errors
///
/// When they cannot be listed.
pub(crate) async fn labelled_children(client: &Client, scope: &Scope) -> anyhow::Result<Vec<Child>> {
    let label = match &scope.application {
        Some(name) => format!("{LABEL_APPLICATION}={name}"),
        None => LABEL_APPLICATION.to_owned(),
    };
    children(client, scope, &ListParams::default().labels(&label)).await
}

/// All Flux objects in `scope`, whosoever they are.
///
/// # Errors
///
/// When they cannot be listed.
pub(crate) async fn all_children(client: &Client, scope: &Scope) -> anyhow::Result<Vec<Child>> {
    children(client, scope, &ListParams::default()).await
}

async fn children(client: &Client, scope: &Scope, parameters: &ListParams) -> anyhow::Result<Vec<Child>> {
    let mut children = Vec::new();
    for kind in FluxKind::ALL {
        let listed = match list(&within(client, scope, &kind.resource()), parameters.clone()).await {
            Err(kube::Error::Api(status)) if status.is_not_found() || status.code == 404 => continue,
            listed => listed.map_err(in_words),
        };
        let listed = listed.with_context(|| format!("its {}s cannot be listed", kind.kind()))?;
        children.extend(listed.into_iter().map(|object| Child { kind, object }));
    }
    Ok(children)
}
