//! The watch of one kind of Flux's objects.

use std::collections::BTreeSet;

use fleetgate_api::names::LABEL_APPLICATION;
use fleetgate_plan::FluxKind;
use futures::StreamExt;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{Store, reflector};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::controllers::application::triggers::Triggers;

/// Watches the objects of a kind on `tasks`, and names the Application of each
/// that changes.
pub(super) fn start(
    kind: FluxKind,
    objects: Api<DynamicObject>,
    triggers: Triggers,
    missing: watch::Sender<BTreeSet<FluxKind>>,
    tasks: &mut JoinSet<()>,
) -> Store<DynamicObject> {
    let writer = Writer::new(kind.resource());
    let store = writer.as_reader();
    let events = watcher(objects, watcher::Config::default().labels(LABEL_APPLICATION)).default_backoff();
    // What nobody reads is most of an object.
    let events = events.modify(|object| object.metadata.managed_fields = None);
    tasks.spawn(reflector(writer, events).for_each(move |event| {
        note(kind, &event, &missing);
        if let Ok(Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = &event {
            triggers.of_child(object);
        }
        std::future::ready(())
    }));
    store
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
