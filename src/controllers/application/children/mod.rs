//! The Flux objects that exist, as watches know them.

mod child;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_plan::{FluxKind, Plan};
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::watch::Sender;
use tokio::task::JoinSet;

pub(super) use self::child::{applied_digest, contains, is_owned, policy_of};
use super::observed::Observed;
use super::triggers::Triggers;
use crate::flux_state::State;

/// Every Flux object that carries an Application's label, by kind.
pub(super) struct Children {
    stores: BTreeMap<FluxKind, Store<DynamicObject>>,
    /// Kinds whose CRD the host does not have.
    missing: Sender<BTreeSet<FluxKind>>,
}

impl Children {
    /// Watches them on `tasks`, and names the Application of each that changes.
    pub(super) fn watch(client: &Client, triggers: &Triggers, tasks: &mut JoinSet<()>) -> Self {
        let missing = Sender::new(BTreeSet::new());
        let stores = FluxKind::ALL
            .into_iter()
            .map(|kind| (kind, watch::start(kind, client, triggers.clone(), missing.clone(), tasks)));
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
        for template in plan.templates() {
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
