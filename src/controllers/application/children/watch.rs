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
    let labelled = watcher::Config::default().labels(LABEL_APPLICATION);
    let events = move || watcher(objects.clone(), labelled.clone()).default_backoff().boxed();
    tasks.spawn(async move {
        let mut current = events();
        while let Some(event) = current.next().await {
            follow(kind, &event, &store, &triggers);
            note(kind, &event, &missing);
            // It would go on where it left off, and what stands there under
            // the kind's next CRD may be older than that.
            if matches!(&event, Err(watcher::Error::WatchStartFailed(source)) if is_not_found(source)) {
                current = events();
            }
        }
    });
}

/// Keeps what an event tells of, and names whom it is news to.
fn follow(kind: FluxKind, event: &watcher::Result<Event<DynamicObject>>, store: &Store, triggers: &Triggers) {
    match event {
        Ok(Event::Init) => store.begin_listing(),
        Ok(Event::InitApply(object) | Event::Apply(object)) => {
            if let Some(news) = store.observe(Child::of(kind, object)) {
                triggers.of_child(&news);
            }
        }
        Ok(Event::InitDone) => store.end_listing().iter().for_each(|gone| triggers.of_gone(gone)),
        Ok(Event::Delete(object)) => {
            let gone = Child::of(kind, object);
            if store.deleted(&gone) {
                triggers.of_gone(&gone);
            }
        }
        // A CRD takes its objects with it.
        Err(watcher::Error::InitialListFailed(source)) if is_not_found(source) => {
            store.clear().iter().for_each(|gone| triggers.of_gone(gone));
        }
        Err(_) => {}
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
        Err(watcher::Error::InitialListFailed(source) | watcher::Error::WatchStartFailed(source))
            if is_not_found(source) =>
        {
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

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found() || status.code == 404)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::Notify;

    /// The CRD goes while the watch is down: of the ends of its objects nobody tells.
    #[tokio::test]
    async fn what_went_with_its_crd_is_not_known_any_more() {
        let is_listed = Arc::new(AtomicBool::default());
        let answer = async move |request: Uri| {
            let is_watch = request.query().is_some_and(|query| query.contains("watch=true"));
            if is_watch || is_listed.swap(true, Ordering::SeqCst) {
                let status =
                    json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
                return (StatusCode::NOT_FOUND, status.to_string());
            }
            let object = json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "Bucket",
                "metadata": {"name": "a", "namespace": "default", "labels": {LABEL_APPLICATION: "shop"}},
            });
            let list = json!({"kind": "BucketList", "metadata": {"resourceVersion": "7"}, "items": [object]});
            (StatusCode::OK, list.to_string())
        };
        let client = kube::Client::new(Router::new().fallback(answer), "default");
        let (store, missing, mut tasks) = (Arc::<Store>::default(), watch::Sender::default(), JoinSet::new());
        let (triggers, named) = Triggers::new(Arc::new(Notify::new()));
        let objects = Api::all_with(client, &FluxKind::Bucket.resource());
        start(FluxKind::Bucket, objects, Arc::clone(&store), triggers, missing, &mut tasks);
        store.listed().await;
        let mut named = std::pin::pin!(named);
        while store.get("default", "a").is_some() {
            assert!(named.next().await.is_some(), "whoever has it is named when it goes");
        }
    }

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
