//! The watch of one kind of Flux's objects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use fleetgate_api::names::LABEL_APPLICATION;
use fleetgate_plan::{Catalog, FluxKind, RenderedKind};
use futures::StreamExt;
use kube::Api;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::child::Child;
use super::store::Store;
use crate::controllers::application::triggers::Triggers;
use crate::watches::{Health, events, is_not_found};

/// What becomes of the events of a kind.
pub(super) struct KindWatch {
    pub(super) kind: FluxKind,
    pub(super) store: Arc<Store>,
    pub(super) triggers: Triggers,
    pub(super) missing: watch::Sender<BTreeSet<FluxKind>>,
    pub(super) catalogs: watch::Receiver<Catalog>,
    pub(super) health: Health,
}

impl KindWatch {
    /// Watches the objects of the kind on `tasks`, and names the Application of each
    /// that changes.
    pub(super) fn start(self, objects: Api<DynamicObject>, tasks: &mut JoinSet<()>) {
        self.health.begun(self.kind.plural(), Instant::now());
        tasks.spawn(self.run(objects));
    }

    async fn run(mut self, objects: Api<DynamicObject>) {
        let labelled = watcher::Config::default().labels(LABEL_APPLICATION);
        let events = || events(objects.clone(), labelled.clone()).boxed();
        let (mut current, mut awaits_crd) = (events(), false);
        loop {
            let event = tokio::select! {
                event = current.next() => event,
                // What is listed in vain is listed seldom by now.
                () = comes(self.kind, &mut self.catalogs), if awaits_crd => {
                    (current, awaits_crd) = (events(), false);
                    continue;
                }
            };
            let Some(event) = event else { return };
            self.take_up(&event);
            awaits_crd = self.missing.borrow().contains(&self.kind)
                && !is_installed(self.kind, &self.catalogs.borrow());
        }
    }

    fn take_up(&self, event: &watcher::Result<Event<DynamicObject>>) {
        let what = self.kind.plural();
        follow(self.kind, event, &self.store, &self.triggers);
        note(self.kind, event, &self.missing);
        if matches!(event, Err(error) if is_missing(error)) {
            // There is nothing to be watched.
            self.health.forget(what);
        } else {
            self.health.heard(what, event, Instant::now());
        }
    }
}

/// Waits until the host has the kind's CRD.
async fn comes(kind: FluxKind, catalogs: &mut watch::Receiver<Catalog>) {
    if catalogs.wait_for(|catalog| is_installed(kind, catalog)).await.is_err() {
        // Whoever tells of them goes with the program.
        std::future::pending::<()>().await;
    }
}

fn is_installed(kind: FluxKind, catalog: &Catalog) -> bool {
    catalog.installed_crd(RenderedKind::Flux(kind)).is_some()
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
        Err(error) if is_missing(error) => {
            if missing.send_if_modified(|missing| missing.insert(kind)) {
                tracing::warn!(
                    "the host has no {}: what becomes one is not delivered until Flux's CRD is there",
                    kind.plural()
                );
            }
        }
        Err(_) => {}
    }
}

/// Whether the host does not have the kind's CRD.
fn is_missing(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchStartFailed};
    matches!(error, InitialListFailed(source) | WatchStartFailed(source) if is_not_found(source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use serde_json::json;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    /// What watches a kind, and what tells it of CRDs.
    fn buckets(triggers: Triggers) -> (KindWatch, watch::Sender<Catalog>) {
        let (catalog, catalogs) = watch::channel(Catalog::default());
        let (store, missing, health) = Default::default();
        (KindWatch { kind: FluxKind::Bucket, store, triggers, missing, catalogs, health }, catalog)
    }

    /// Those of an API server that answers so.
    fn objects(answers: Router) -> Api<DynamicObject> {
        Api::all_with(kube::Client::new(answers, "default"), &FluxKind::Bucket.resource())
    }

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
        let (triggers, named) = Triggers::new(Arc::new(Notify::new()));
        let (watch, _catalog) = buckets(triggers);
        let (store, mut tasks) = (Arc::clone(&watch.store), JoinSet::new());
        watch.start(objects(Router::new().fallback(answer)), &mut tasks);
        store.listed().await;
        let mut named = std::pin::pin!(named);
        while store.get("default", "a").is_some() {
            assert!(named.next().await.is_some(), "whoever has it is named when it goes");
        }
    }

    /// By then what is listed in vain rests for half a minute and more.
    #[tokio::test(start_paused = true)]
    async fn what_comes_with_its_crd_is_listed_at_once() {
        let is_served = Arc::new(AtomicBool::default());
        let served = Arc::clone(&is_served);
        let answer = async move || {
            if served.load(Ordering::SeqCst) {
                let list = json!({"kind": "BucketList", "metadata": {"resourceVersion": "7"}, "items": []});
                return (StatusCode::OK, list.to_string());
            }
            let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
            (StatusCode::NOT_FOUND, status.to_string())
        };
        let (triggers, _named) = Triggers::new(Arc::new(Notify::new()));
        let (watch, catalog) = buckets(triggers);
        let (store, health, mut tasks) = (Arc::clone(&watch.store), watch.health.clone(), JoinSet::new());
        watch.start(objects(Router::new().fallback(answer)), &mut tasks);
        assert_eq!(health.fares(Instant::now()).len(), 1, "it has not listed anything");
        assert!(timeout(Duration::from_mins(5), store.listed()).await.is_err());
        assert_eq!(health.fares(Instant::now()), [], "there is nothing to be listed");

        is_served.store(true, Ordering::SeqCst);
        let kind = RenderedKind::Flux(FluxKind::Bucket);
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": kind.crd_name()},
            "spec": {
                "group": kind.group(), "scope": "Namespaced", "versions": [version],
                "names": {"kind": kind.kind(), "plural": kind.plural()},
            },
        });
        let crd = serde_json::from_value(crd).expect("a CRD");
        catalog.send_modify(|catalog| drop(catalog.insert_crd(&crd)));
        timeout(Duration::from_secs(1), store.listed()).await.expect("it is listed");
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
