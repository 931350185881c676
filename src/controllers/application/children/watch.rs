//! The watch of one kind of Flux's objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleetgate_api::names::LABEL_APPLICATION;
use fleetgate_plan::FluxKind;
use futures::StreamExt;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::child::Child;
use super::store::Store;
use crate::controllers::application::triggers::Triggers;

/// Watches the objects of a kind on `tasks`, and names the Application of each
/// that changes.
pub(super) fn start(
    kind: FluxKind,
    objects: Api<DynamicObject>,
    store: Arc<Store>,
    triggers: Triggers,
    missing: watch::Sender<BTreeSet<FluxKind>>,
    tasks: &mut JoinSet<()>,
) {
    let events = watcher(objects, watcher::Config::default().labels(LABEL_APPLICATION)).default_backoff();
    tasks.spawn(events.for_each(move |event| {
        note(kind, &event, &missing);
        if let Ok(event) = event {
            follow(kind, event, &store, &triggers);
        }
        std::future::ready(())
    }));
}

/// Keeps what an event tells of, and names whom it is news to.
fn follow(kind: FluxKind, event: Event<DynamicObject>, store: &Store, triggers: &Triggers) {
    match event {
        Event::Init => store.begin_listing(),
        Event::InitApply(object) | Event::Apply(object) => {
            if let Some(news) = store.observe(Child::of(kind, &object)) {
                triggers.of_child(&news);
            }
        }
        Event::InitDone => store.end_listing().iter().for_each(|gone| triggers.of_gone(gone)),
        Event::Delete(object) => {
            let gone = Child::of(kind, &object);
            if store.deleted(&gone) {
                triggers.of_gone(&gone);
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
        // A watch begins anew before it knows whether there is anything to list,
        // and who is told of the kind then looks at what was listed.
        Ok(Event::Init | Event::InitApply(_)) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Whoever is told that a CRD has come finds in the store what there is of it.
    #[test]
    fn a_crd_has_come_when_what_there_is_was_listed() {
        let (kind, missing) = (FluxKind::Bucket, watch::Sender::default());
        let object = json!({"apiVersion": "v1", "kind": "Bucket", "metadata": {"name": "a"}});
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let status = kube::core::Status::failure("no such kind", "NotFound").with_code(404);
        let not_found = watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()));
        let table = [
            (Ok(Event::Init), false),
            (Err(not_found), true),
            (Ok(Event::Init), true),
            (Ok(Event::InitApply(object)), true),
            (Ok(Event::InitDone), false),
        ];
        for (event, is_missing) in table {
            note(kind, &event, &missing);
            assert_eq!(missing.borrow().contains(&kind), is_missing, "{event:?}");
        }
    }
}
