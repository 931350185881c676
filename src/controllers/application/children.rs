//! The Flux objects that exist, as watches know them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::names::{ANNOTATION_APPLIED, LABEL_APPLICATION};
use fleetgate_plan::{FluxKind, Plan};
use futures::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, reflector};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Guarded;
use super::observed::Observed;
use crate::flux_state::State;

/// Every Flux object that carries an Application's label, by kind.
pub(super) struct Children {
    stores: BTreeMap<FluxKind, Store<DynamicObject>>,
    /// Kinds whose CRD the host does not have.
    missing: watch::Sender<BTreeSet<FluxKind>>,
}

impl Children {
    /// Watches them on `tasks`, and names the Application of each that changes.
    pub(super) fn watch(
        client: &Client,
        triggers: &UnboundedSender<ObjectRef<Guarded>>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let missing = watch::Sender::new(BTreeSet::new());
        let stores = FluxKind::ALL.into_iter().map(|kind| {
            let resource = kind.resource();
            let writer = Writer::new(resource.clone());
            let store = writer.as_reader();
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let events = watcher(api, watcher::Config::default().labels(LABEL_APPLICATION)).default_backoff();
            // What nobody reads is most of an object.
            let events = events.modify(|object| object.metadata.managed_fields = None);
            let (triggers, missing) = (triggers.clone(), missing.clone());
            tasks.spawn(reflector(writer, events).for_each(move |event| {
                note(kind, &event, &missing);
                if let Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = &event {
                    // The receiver goes with the controller.
                    drop(owner(object).map(|owner| triggers.send(owner)));
                }
                std::future::ready(())
            }));
            (kind, store)
        });
        Self { stores: stores.collect(), missing }
    }

    /// Waits until all of them have been listed, as far as the host has their CRDs.
    pub(super) async fn synced(&self) {
        for (kind, store) in &self.stores {
            let mut missing = self.missing.subscribe();
            // Only a dropped writer or sender ends these otherwise, and with it the program.
            tokio::select! {
                ready = store.wait_until_ready() => drop(ready),
                absent = missing.wait_for(|missing| missing.contains(kind)) => drop(absent),
            }
        }
    }

    /// Whether the host does not have the kind's CRD.
    pub(super) fn is_missing(&self, kind: FluxKind) -> bool {
        self.missing.borrow().contains(&kind)
    }

    /// The object of that kind and name.
    pub(super) fn get(&self, kind: FluxKind, namespace: &str, name: &str) -> Option<Arc<DynamicObject>> {
        let key = ObjectRef::new_with(name, kind.resource()).within(namespace);
        self.stores.get(&kind)?.get(&key)
    }

    /// Everything that belongs to `application`, policies before their source.
    pub(super) fn of(&self, application: &Application) -> Vec<(FluxKind, Arc<DynamicObject>)> {
        let owned = self.stores.iter().rev().flat_map(|(kind, store)| {
            let of_kind = store.state().into_iter().filter(|object| is_owned(object, application));
            of_kind.map(|object| (*kind, object))
        });
        owned.collect()
    }

    /// Reads what became of the plan's objects.
    pub(super) fn observe(&self, plan: &Plan, observed: &mut Observed) {
        let mut fetched = None;
        for template in plan.delivered() {
            for binding in template.bindings() {
                let object = self.get(template.kind, &plan.owner.namespace, &binding.name);
                let mut state =
                    object.as_deref().map_or_else(State::absent, |object| State::of(template.kind, object));
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

/// Says what a watch says of its kind.
fn note(
    kind: FluxKind,
    event: &watcher::Result<Event<DynamicObject>>,
    missing: &watch::Sender<BTreeSet<FluxKind>>,
) {
    match event {
        // A watch begins anew before it knows whether there is anything to list.
        Ok(Event::Init) => {}
        Ok(_) => drop(missing.send_if_modified(|missing| missing.remove(&kind))),
        Err(error) if is_not_found(error) => {
            if missing.send_if_modified(|missing| missing.insert(kind)) {
                tracing::warn!(
                    "the host has no {}: what becomes one is not delivered until Flux's CRD is there",
                    kind.plural()
                );
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the watch of {}s is broken; the last good state serves", kind.kind());
        }
    }
}

fn is_not_found(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source)) = error else {
        return false;
    };
    matches!(source, kube::Error::Api(status) if status.is_not_found() || status.code == 404)
}

/// Whether `application` is the object's controller.
pub(super) fn is_owned(object: &DynamicObject, application: &Application) -> bool {
    let uid = application.uid();
    let is_controller = |reference: &&_| -> bool {
        let reference: &k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference = reference;
        reference.controller == Some(true)
    };
    let controller = object.owner_references().iter().find(is_controller);
    controller.is_some_and(|reference| Some(&reference.uid) == uid.as_ref())
}

/// The digest of what was last applied to the object.
pub(super) fn applied_digest(object: &DynamicObject) -> Option<&str> {
    object.annotations().get(ANNOTATION_APPLIED).map(String::as_str)
}

fn owner(object: &DynamicObject) -> Option<ObjectRef<Guarded>> {
    let name = object.labels().get(LABEL_APPLICATION)?;
    Some(ObjectRef::new(name).within(&object.namespace()?))
}
