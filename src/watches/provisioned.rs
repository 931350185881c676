//! The watches of clusters that others provision: Kurator's, and Cluster API's.
//!
//! A host has their CRDs or has not, and gets, loses or renews them at any time.

use std::pin::pin;
use std::time::Instant;

use fleetgate_plan::{ClusterKind, served_versions};
use futures::StreamExt;
use futures::future::pending;
use futures::stream::BoxStream;
use kube::api::DynamicObject;
use kube::core::Version;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use serde_json::Value;

use super::clusters::ClusterTable;
use super::{CatalogWatch, crds};
use crate::client::Clients;

type Definition = Event<DynamicObject>;
type Objects = BoxStream<'static, Result<Event<DynamicObject>, watcher::Error>>;

impl CatalogWatch {
    /// Watches a kind for as long as the host serves it, in the version that it
    /// serves.
    pub(super) async fn follow_provisioned(self, kind: ClusterKind, clients: Clients) {
        let what = kind.crd_name();
        self.health.begun(&definition_of(&what), Instant::now());
        let mut definitions = pin!(crds::events(&clients.client(), &what));
        let mut served = Served::default();
        let mut table = ClusterTable::of(kind);
        let mut objects: Option<Objects> = None;
        loop {
            tokio::select! {
                Some(event) = definitions.next() => {
                    if self.define(&what, event, &mut served, &mut table) {
                        objects = served.version.as_deref().map(|version| events(clients.client(), kind, version));
                        if objects.is_some() {
                            self.health.begun(&what, Instant::now());
                        }
                    }
                }
                Some(event) = next(&mut objects) => self.receive(&what, event, &mut table),
                else => return,
            }
        }
    }

    /// Takes up what happened to the CRD; says whether that changed what is to be watched.
    fn define(
        &self,
        what: &str,
        event: Result<Definition, watcher::Error>,
        served: &mut Served,
        table: &mut ClusterTable,
    ) -> bool {
        self.health.heard(&definition_of(what), &event, Instant::now());
        let Ok(event) = event else { return false };
        let is_listed = matches!(event, Event::InitDone);
        let has_changed = served.take_up(event);
        if served.version.is_none() {
            self.health.forget(what);
            self.change(|catalog| table.forget(catalog));
            self.is_listed(what, is_listed);
        }
        has_changed
    }
}

/// What the watch of a CRD is called, which is one of its own: that it works says nothing of that of the objects.
fn definition_of(what: &str) -> String {
    format!("definition of {what}")
}

/// Nobody else has the client: the watch is told of until it ends.
fn events(client: Client, kind: ClusterKind, version: &str) -> Objects {
    let api: Api<DynamicObject> = Api::all_with(client, &kind.resource(version));
    super::events(api, watcher::Config::default()).boxed()
}

/// The next event, if there is something to watch.
async fn next(objects: &mut Option<Objects>) -> Option<Result<Event<DynamicObject>, watcher::Error>> {
    match objects {
        Some(objects) => objects.next().await,
        None => pending().await,
    }
}

/// The version in which the host serves a kind.
#[derive(Debug, Default)]
struct Served {
    version: Option<String>,
    listed: bool,
}

impl Served {
    /// Takes up what happened to the CRD; says whether that changed the version.
    fn take_up(&mut self, event: Definition) -> bool {
        let version = match event {
            Event::Init => {
                self.listed = false;
                return false;
            }
            Event::InitDone if self.listed => return false,
            Event::InitApply(crd) | Event::Apply(crd) => {
                self.listed = true;
                newest(&crd)
            }
            Event::InitDone | Event::Delete(_) => None,
        };
        let has_changed = version != self.version;
        self.version = version;
        has_changed
    }
}

/// The newest version that is served, once the API server has taken up the CRD.
fn newest(crd: &DynamicObject) -> Option<String> {
    let conditions = crd.data.pointer("/status/conditions").and_then(Value::as_array);
    let is_established =
        |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
    conditions.into_iter().flatten().find(|condition| is_established(condition))?;
    served_versions(crd).max_by_key(|version| Version::parse(version).priority()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use serde_json::json;

    /// A CRD of these versions, those with a dash before them not served.
    fn crd(versions: &[&str], is_established: bool) -> DynamicObject {
        let versions: Vec<_> = versions
            .iter()
            .map(|name| json!({"name": name.trim_start_matches('-'), "served": !name.starts_with('-'), "storage": true}))
            .collect();
        let status = if is_established { "True" } else { "False" };
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": ClusterKind::ClusterApi.crd_name()},
            "spec": {
                "group": "cluster.x-k8s.io", "scope": "Namespaced",
                "names": {"kind": "Cluster", "plural": "clusters"}, "versions": versions,
            },
            "status": {"conditions": [{"type": "Established", "status": status}]},
        });
        serde_json::from_value(crd).expect("a CRD")
    }

    #[test]
    fn a_kind_is_served_for_as_long_as_its_crd_is_there() {
        let steps = [
            (Event::Init, false, None),
            (Event::InitDone, false, None),
            (Event::Apply(crd(&["v1beta1"], false)), false, None),
            (Event::Apply(crd(&["v1beta1"], true)), true, Some("v1beta1")),
            (Event::Apply(crd(&["v1beta1", "v1alpha4", "-v1beta2"], true)), false, Some("v1beta1")),
            (Event::Apply(crd(&["v1beta1", "v1beta2", "v1alpha4"], true)), true, Some("v1beta2")),
            (Event::Init, false, Some("v1beta2")),
            (Event::InitApply(crd(&["v1beta2"], true)), false, Some("v1beta2")),
            (Event::InitDone, false, Some("v1beta2")),
            (Event::Delete(crd(&["v1beta2"], true)), true, None),
            (Event::Apply(crd(&["v1", "v1beta2"], true)), true, Some("v1")),
            // It was deleted while nobody watched.
            (Event::Init, false, Some("v1")),
            (Event::InitDone, true, None),
        ];
        let mut served = Served::default();
        for (index, (event, has_changed, version)) in steps.into_iter().enumerate() {
            assert_eq!(served.take_up(event), has_changed, "step {index}");
            assert_eq!(served.version.as_deref(), version, "step {index}");
        }
    }

    #[tokio::test]
    async fn the_watch_of_a_crd_and_that_of_its_objects_fare_each_by_itself() {
        let (watch, kind) = (CatalogWatch::default(), ClusterKind::ClusterApi);
        let what = kind.crd_name();
        let (mut served, mut table) = (Served::default(), ClusterTable::of(kind));
        let mut define = |event| watch.define(&what, Ok(event), &mut served, &mut table);
        let definition = format!("definition of {what}");
        let fares = || -> Vec<(String, bool, usize)> {
            let fares = watch.health.fares(Instant::now() + Duration::from_secs(1)).into_iter();
            fares.map(|it| (it.what, it.broken_for > Duration::ZERO, it.unreadable)).collect()
        };
        define(Event::Apply(crd(&["v1"], true)));
        watch.health.failed(&what, Instant::now());
        assert_eq!(fares(), [(what.clone(), true, 0), (definition.clone(), false, 0)]);

        define(Event::Init);
        define(Event::InitApply(crd(&["v1"], true)));
        define(Event::InitDone);
        assert_eq!(fares(), [(what.clone(), true, 0), (definition.clone(), false, 0)], "it still is broken");

        watch.health.failed(&definition, Instant::now());
        watch.health.told(&what, &Event::<DynamicObject>::InitDone);
        assert_eq!(fares(), [(what.clone(), false, 0), (definition.clone(), true, 0)], "and so is this one");

        define(Event::Apply(crd(&["v1"], true)));
        watch.health.failed(&what, Instant::now());
        define(Event::Delete(crd(&["v1"], true)));
        assert_eq!(fares(), [(definition, false, 0)], "what is not watched any more is not broken");
    }
}
