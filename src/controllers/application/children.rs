//! The Flux objects that exist, as watches know them.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::names::{ANNOTATION_APPLIED, LABEL_APPLICATION};
use fleetgate_plan::{FluxKind, Plan};
use futures::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, reflector};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use super::Guarded;
use super::observed::{Observed, State};

/// Every Flux object that carries an Application's label, by kind.
pub(super) struct Children {
    stores: BTreeMap<FluxKind, Store<DynamicObject>>,
}

impl Children {
    /// Watches them on `tasks`, and names the Application of each that changes.
    pub(super) fn watch(
        client: &Client,
        triggers: &UnboundedSender<ObjectRef<Guarded>>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let stores = FluxKind::ALL.into_iter().map(|kind| {
            let resource = kind.resource();
            let writer = Writer::new(resource.clone());
            let store = writer.as_reader();
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let events = watcher(api, watcher::Config::default().labels(LABEL_APPLICATION)).default_backoff();
            // What nobody reads is most of an object.
            let events = events.modify(|object| object.metadata.managed_fields = None);
            let triggers = triggers.clone();
            tasks.spawn(reflector(writer, events).touched_objects().for_each(move |object| {
                match object {
                    // The receiver goes with the controller.
                    Ok(object) => drop(owner(&object).map(|owner| triggers.send(owner))),
                    Err(error) => {
                        tracing::warn!(%error, "the watch of {}s is broken; is Flux installed?", kind.kind());
                    }
                }
                std::future::ready(())
            }));
            (kind, store)
        });
        Self { stores: stores.collect() }
    }

    /// Waits until all of them have been listed.
    pub(super) async fn synced(&self) {
        for store in self.stores.values() {
            // Only a dropped writer ends the wait otherwise, and with it the program.
            drop(store.wait_until_ready().await);
        }
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
        for template in plan.templates() {
            for binding in &template.bindings {
                let state = match self.get(template.kind, &plan.owner.namespace, &binding.name) {
                    Some(object) => State::of(&object),
                    None => State::absent(),
                };
                observed.states.insert((template.kind, binding.name.clone()), state);
            }
        }
    }
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
