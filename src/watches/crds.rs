//! The watches of CRDs; those of Flux judge what is rendered.

use fleetgate_plan::{Catalog, Change, FluxKind, RenderedKind};
use futures::Stream;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};

use super::Table;
use crate::supported;

/// The host's CRDs, as JSON: as their own type they take many times the memory,
/// and one that a later Kubernetes knows more of is read all the same.
pub(crate) fn api(client: &Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &ApiResource::erase::<CustomResourceDefinition>(&()))
}

/// One CRD by its name: a cluster may have hundreds, and they are large.
pub(super) fn events(
    client: &Client,
    name: &str,
) -> impl Stream<Item = Result<Event<DynamicObject>, watcher::Error>> + use<> {
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    super::events(api(client), only)
}

/// The host's CRD of one kind of Flux, which judges what is rendered.
#[derive(Debug)]
pub(super) struct CrdTable {
    kind: FluxKind,
    listed: bool,
    /// What was last said about it.
    warning: Option<String>,
}

impl CrdTable {
    pub(super) const fn of(kind: FluxKind) -> Self {
        Self { kind, listed: false, warning: None }
    }

    fn take_up(&mut self, catalog: &mut Catalog, crd: &DynamicObject) -> Option<Change> {
        let warning = supported::of_flux(self.kind, crd);
        if let Some(warning) = warning.as_ref().filter(|warning| self.warning.as_ref() != Some(warning)) {
            tracing::warn!("{warning}");
        }
        self.warning = warning;
        catalog.insert_crd(crd)
    }
}

impl Table<DynamicObject> for CrdTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DynamicObject>) -> Vec<Change> {
        let change = match event {
            Event::Init => {
                self.listed = false;
                None
            }
            Event::InitApply(crd) => {
                self.listed = true;
                self.take_up(catalog, &crd)
            }
            Event::InitDone if self.listed => None,
            Event::Apply(crd) => self.take_up(catalog, &crd),
            Event::InitDone | Event::Delete(_) => {
                self.warning = None;
                catalog.remove_crd(RenderedKind::Flux(self.kind))
            }
        };
        change.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn crd(version: &str) -> DynamicObject {
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
        let mut table = CrdTable::of(FluxKind::Bucket);
        let steps = [
            (Event::Init, false),
            (Event::InitApply(crd("v1")), true),
            (Event::InitDone, true),
            (Event::Apply(crd("v2")), false),
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
            assert!(!known || table.warning.is_none(), "step {index}");
        }
    }
}
