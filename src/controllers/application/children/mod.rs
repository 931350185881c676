//! The Flux objects that exist, as watches and our own writes know them.
//!
//! ```text
//! watch, by kind ─▶ Child ─▶ Store ─▶ difference, status
//!    answers to writes ───────▶┘
//! ```

mod child;
mod store;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_plan::{FluxKind, Owner, Plan, owner_of};
use futures::{Stream, StreamExt};
use kube::api::{DynamicObject, ListParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch::Sender;
use tokio::task::JoinSet;
use tokio_stream::wrappers::WatchStream;

pub(super) use self::child::{Child, secret_of};
use self::store::Store;
use self::watch::KindWatch;
use super::observed::Observed;
use super::triggers::Triggers;
use crate::controllers::Scope;
use crate::flux_state::State;
use crate::stored::{in_words, list, list_metadata};
use crate::watches::{CatalogWatch, Health};

/// Namespace and name of a Secret with a kubeconfig.
pub(super) type SecretKey = (Box<str>, Box<str>);

/// Every Flux object that carries an Application's label, by kind.
pub(super) struct Children {
    stores: BTreeMap<FluxKind, Arc<Store>>,
    /// Kinds whose CRD the host does not have.
    missing: Sender<BTreeSet<FluxKind>>,
}

impl Default for Children {
    /// None, and none that are watched.
    fn default() -> Self {
        let stores = FluxKind::ALL.map(|kind| (kind, Arc::default()));
        Self { stores: stores.into(), missing: Sender::default() }
    }
}

impl Children {
    /// Watches them on `tasks`, and names the Application of each that changes.
    pub(super) fn watch(
        client: &Client,
        scope: &Scope,
        triggers: &Triggers,
        catalog: &CatalogWatch,
        health: &Health,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let children = Self::default();
        for (kind, store) in &children.stores {
            let missing = children.missing.clone();
            let objects = scope.children(client, &kind.resource());
            let kind = KindWatch {
                kind: *kind,
                store: Arc::clone(store),
                triggers: triggers.clone(),
                missing,
                catalogs: catalog.changes(),
                health: health.clone(),
            };
            kind.start(objects, tasks);
        }
        children
    }

    /// Waits until all of them have been listed, as far as the host has their CRDs.
    pub(super) async fn synced(&self) {
        for (kind, store) in &self.stores {
            let mut missing = self.missing.subscribe();
            tokio::select! {
                () = store.listed() => {}
                // The sender lives as long as `self` does.
                absent = missing.wait_for(|missing| missing.contains(kind)) => drop(absent),
            }
        }
    }

    /// Tells when a CRD has come, or has gone: what waits for it rests long by then.
    pub(super) fn crds_changed(&self) -> impl Stream<Item = ()> + Send + use<> {
        WatchStream::from_changes(self.missing.subscribe()).map(drop)
    }

    /// Whether the host does not have the kind's CRD.
    pub(super) fn is_missing(&self, kind: FluxKind) -> bool {
        self.missing.borrow().contains(&kind)
    }

    /// The object of that kind and name.
    pub(super) fn get(&self, kind: FluxKind, namespace: &str, name: &str) -> Option<Arc<Child>> {
        self.stores.get(&kind)?.get(namespace, name)
    }

    /// Everything that belongs to the Application of that uid, policies before their source.
    pub(super) fn of(&self, uid: Option<&str>) -> Vec<Arc<Child>> {
        let stores = self.stores.values().rev();
        uid.into_iter().flat_map(|uid| stores.clone().flat_map(|store| store.of(uid))).collect()
    }

    /// The plan, in which children keep the names that Kurator cut.
    pub(super) fn keeping_names(&self, plan: Plan) -> Plan {
        let Owner { namespace, name, uid, .. } = plan.owner.clone();
        plan.keeping(|kind, cut, kubeconfig| {
            self.get(kind, &namespace, cut).is_some_and(|child| {
                child.is_owned_by(uid.as_deref())
                    && child.application() == Some(&name)
                    && child.is_delivered_by(kubeconfig)
            })
        })
    }

    /// The Secrets with kubeconfigs that any of them names.
    pub(super) fn secrets(&self) -> BTreeSet<SecretKey> {
        self.stores.values().flat_map(|store| store.secrets()).collect()
    }

    /// Those that name that Secret.
    pub(super) fn naming(&self, secret: &SecretKey) -> Vec<Arc<Child>> {
        self.stores.values().flat_map(|store| store.naming(secret)).collect()
    }

    /// What there is of these kinds in a namespace by the API server's own word:
    /// the watches see only what has our label, and that a moment late.
    pub(super) async fn listed(
        &self,
        kinds: &[FluxKind],
        namespace: &str,
        client: &Client,
    ) -> anyhow::Result<Vec<Arc<Child>>> {
        let mut children = Vec::new();
        for kind in kinds.iter().filter(|kind| !self.is_missing(**kind)) {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind.resource());
            let listed = list(&api, ListParams::default()).await.map_err(in_words);
            let listed = listed.with_context(|| format!("{}s cannot be listed", kind.kind()))?;
            children.extend(listed.iter().map(|object| Arc::new(Child::of(*kind, object))));
        }
        Ok(children)
    }

    /// What belongs to the owner of that uid in a namespace, by the API server's own
    /// word. Of what is another's, nothing but the metadata is asked for.
    pub(super) async fn owned(
        &self,
        owner: Option<&str>,
        namespace: &str,
        client: &Client,
    ) -> anyhow::Result<Vec<Arc<Child>>> {
        let mut children = Vec::new();
        for kind in FluxKind::ALL.into_iter().filter(|kind| !self.is_missing(*kind)) {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &kind.resource());
            let listed = list_metadata(&api, ListParams::default()).await.map_err(in_words);
            let listed = listed.with_context(|| format!("{}s cannot be listed", kind.kind()))?;
            for found in listed.iter().filter(|found| owner.is_some() && owner_of(*found) == owner) {
                let object = api.get_opt(&found.name_any()).await.map_err(in_words);
                let object = object.with_context(|| format!("a {} cannot be read", kind.kind()))?;
                let child = object.map(|object| Arc::new(Child::of(kind, &object)));
                children.extend(child.filter(|child| child.is_owned_by(owner)));
            }
        }
        Ok(children)
    }

    /// The API server answered a write, with this object if it still stands there.
    pub(super) fn answered(&self, child: Option<Child>) {
        if let Some(child) = child
            && let Some(store) = self.stores.get(&child.kind)
        {
            store.wrote(child);
        }
    }

    /// Reads what became of the plan's objects.
    pub(super) fn observe(&self, plan: &Plan, observed: &mut Observed) {
        let mut fetched = None;
        for template in plan.templates() {
            for binding in template.bindings() {
                let child = self.get(template.kind, &plan.owner.namespace, &binding.name);
                let mut state = child.map_or_else(State::absent, |child| child.facts.state.clone());
                match template.kind {
                    FluxKind::Kustomization => state.expect_revision(fetched.as_deref()),
                    // The revision of a release is its chart's, which a new one
                    // of the source need not change.
                    FluxKind::HelmRelease => {}
                    _ => fetched.clone_from(&state.revision),
                }
                observed.states.insert((template.kind, binding.name), state);
            }
        }
    }
}

/// Whether the child is there, and its owner's, by the API server's own word.
pub(super) async fn is_owned(child: &Child, owner: Option<&str>, client: &Client) -> kube::Result<bool> {
    let resource = child.kind.resource();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &child.namespace, &resource);
    let found = api.get_metadata_opt(&child.name).await?;
    let is_this = |found: &PartialObjectMeta<DynamicObject>| found.uid().as_deref() == Some(&child.uid);
    Ok(owner.is_some() && found.filter(is_this).is_some_and(|found| owner_of(&found) == owner))
}
