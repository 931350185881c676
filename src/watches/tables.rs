//! How the events of Fleets, Applications and namespaces change the Catalog.

use std::collections::BTreeSet;

use fleetgate_api::{Application, Fleet};
use fleetgate_plan::{Catalog, Change, ObjectKey};
use fleetgate_webhooks::normalise::of_stored;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};

use super::{Table, why};
use fleetgate_webhooks::rejudged;

#[derive(Debug, Default)]
pub(super) struct FleetTable {
    listed: BTreeSet<ObjectKey>,
}

impl Table<DeserializeGuard<Fleet>> for FleetTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DeserializeGuard<Fleet>>) -> Vec<Change> {
        let key = |fleet: &DeserializeGuard<Fleet>| {
            ObjectKey::new(fleet.namespace().unwrap_or_default(), fleet.name_any())
        };
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(fleet) => {
                self.listed.insert(key(&fleet));
                insert_fleet(catalog, &fleet).into_iter().collect()
            }
            Event::InitDone => catalog.retain_fleets(|key| self.listed.contains(key)),
            Event::Apply(fleet) => insert_fleet(catalog, &fleet).into_iter().collect(),
            Event::Delete(fleet) => catalog.remove_fleet(&key(&fleet)).into_iter().collect(),
        }
    }
}

/// Puts a Fleet into the Catalog; says what that changed.
pub(crate) fn insert_fleet(catalog: &mut Catalog, fleet: &DeserializeGuard<Fleet>) -> Option<Change> {
    match &fleet.0 {
        Ok(fleet) => catalog.insert_fleet(rejudged::fleet(fleet)),
        Err(error) => {
            tracing::warn!(
                namespace = fleet.namespace(),
                name = fleet.name_any(),
                error = why(error),
                "a Fleet cannot be read and is passed over"
            );
            None
        }
    }
}

/// Applications come whole and are kept as entries of the index; most events
/// are of a new status, and change nothing there.
#[derive(Debug, Default)]
pub(super) struct ApplicationTable {
    listed: BTreeSet<ObjectKey>,
}

impl Table<DeserializeGuard<Application>> for ApplicationTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<DeserializeGuard<Application>>) -> Vec<Change> {
        let key = |application: &DeserializeGuard<Application>| {
            ObjectKey::new(application.namespace().unwrap_or_default(), application.name_any())
        };
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(application) => {
                self.listed.insert(key(&application));
                insert_application(catalog, &application).into_iter().collect()
            }
            Event::InitDone => catalog.retain_applications(|key| self.listed.contains(key)),
            Event::Apply(application) => insert_application(catalog, &application).into_iter().collect(),
            Event::Delete(application) => {
                catalog.remove_application(&key(&application)).into_iter().collect()
            }
        }
    }
}

/// One that cannot be read stays in the index as it was read last, if it was.
pub(crate) fn insert_application(
    catalog: &mut Catalog,
    application: &DeserializeGuard<Application>,
) -> Option<Change> {
    match &application.0 {
        Ok(application) => catalog.insert_application(&of_stored(application)),
        Err(error) => {
            tracing::warn!(
                namespace = application.namespace(),
                name = application.name_any(),
                error = why(error),
                "an Application cannot be read and is not in the index"
            );
            None
        }
    }
}

/// Only namespaces on their way out are kept, and those come with an event
/// each, so that a resync has nothing to forget but what was deleted meanwhile.
#[derive(Debug)]
pub(super) struct NamespaceTable;

impl Table<PartialObjectMeta<Namespace>> for NamespaceTable {
    fn apply(&mut self, catalog: &mut Catalog, event: Event<PartialObjectMeta<Namespace>>) -> Vec<Change> {
        let change = match event {
            Event::Init | Event::InitDone => None,
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                catalog.set_terminating(&namespace.name_any(), namespace.meta().deletion_timestamp.is_some())
            }
            Event::Delete(namespace) => catalog.set_terminating(&namespace.name_any(), false),
        };
        change.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Else no change of their clusters would wake them.
    #[test]
    fn policies_that_were_stored_under_an_early_name_are_in_the_index() {
        let application = serde_json::from_value(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {
                "source": {"gitRepo": {"url": "https://e.com/r", "interval": "3m"}},
                "syncPolicy": [{"name": "web", "destination": {"fleet": "quickstart"}}],
            },
        }));
        let mut catalog = Catalog::default();
        insert_application(&mut catalog, &application.expect("a guarded Application"));
        assert_eq!(catalog.applications_of_fleet("default", "quickstart").count(), 1);
        let entry = catalog.application("default", "shop").expect("an entry");
        assert!(entry.source.is_some());
        assert_eq!(entry.policies.len(), 1);
    }
}
