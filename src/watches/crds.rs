//! The watches of CRDs; those of Flux judge what is rendered.

use fleetgate_plan::{Catalog, Change, RenderedKind};
use futures::Stream;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};

use super::Table;

/// One CRD by its name: a cluster may have hundreds, and they are large.
pub(super) fn events(
    client: &Client,
    name: &str,
) -> impl Stream<Item = Result<Event<DeserializeGuard<CustomResourceDefinition>>, watcher::Error>> + use<> {
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    watcher::watcher(Api::all(client.clone()), only)
}

/// The host's CRD of one kind of Flux, which judges what is rendered.
#[derive(Debug)]
pub(super) struct CrdTable {
    kind: RenderedKind,
    listed: bool,
}

impl CrdTable {
    pub(super) const fn of(kind: RenderedKind) -> Self {
        Self { kind, listed: false }
    }
}

impl Table<DeserializeGuard<CustomResourceDefinition>> for CrdTable {
    fn apply(
        &mut self,
        catalog: &mut Catalog,
        event: Event<DeserializeGuard<CustomResourceDefinition>>,
    ) -> Vec<Change> {
        let change = match event {
            Event::Init => {
                self.listed = false;
                None
            }
            Event::InitApply(crd) => {
                self.listed = true;
                insert_crd(catalog, self.kind, &crd)
            }
            Event::InitDone if self.listed => None,
            Event::Apply(crd) => insert_crd(catalog, self.kind, &crd),
            Event::InitDone | Event::Delete(_) => catalog.remove_crd(self.kind),
        };
        change.into_iter().collect()
    }
}

fn insert_crd(
    catalog: &mut Catalog,
    kind: RenderedKind,
    crd: &DeserializeGuard<CustomResourceDefinition>,
) -> Option<Change> {
    match &crd.0 {
        Ok(crd) => catalog.insert_crd(crd),
        Err(error) => {
            tracing::warn!(name = crd.name_any(), %error, "a CRD cannot be read; the bundled schema judges");
            catalog.remove_crd(kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::FluxKind;
    use serde_json::json;

    fn crd(version: &str) -> DeserializeGuard<CustomResourceDefinition> {
        let kind = RenderedKind::Flux(FluxKind::Bucket);
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": kind.crd_name()},
            "spec": {
                "group": kind.group(), "scope": "Namespaced",
                "names": {"kind": kind.kind(), "plural": kind.plural()},
                "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        serde_json::from_value(crd).expect("a CRD")
    }

    #[test]
    fn a_crd_is_known_for_as_long_as_it_is_installed() {
        let kind = RenderedKind::Flux(FluxKind::Bucket);
        let mut catalog = Catalog::default();
        let mut table = CrdTable::of(kind);
        let unreadable = serde_json::from_value(json!({"metadata": {"name": kind.crd_name()}, "spec": 5}));
        let steps = [
            (Event::Init, false),
            (Event::InitApply(crd("v1")), true),
            (Event::InitDone, true),
            (Event::Apply(crd("v2")), false),
            (Event::Apply(crd("v1")), true),
            (Event::Apply(unreadable.expect("a guarded CRD")), false),
            (Event::Apply(crd("v1")), true),
            (Event::Delete(crd("v1")), false),
            (Event::Apply(crd("v1")), true),
            // It was deleted while nobody watched.
            (Event::Init, true),
            (Event::InitDone, false),
        ];
        for (index, (event, known)) in steps.into_iter().enumerate() {
            table.apply(&mut catalog, event);
            assert_eq!(catalog.installed_crd(kind).is_some(), known, "step {index}");
        }
    }
}
