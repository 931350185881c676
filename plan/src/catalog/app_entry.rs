//! An Application as others see it: what a decision about one object has to know
//! of the Applications beside it, and no more.
//!
//! An entry takes some hundred bytes, whatever its Application embeds: neither
//! source nor Flux fields are in it, and policies that go to the same place
//! share what says so.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_api::rollout::CrossNamespaceObjectReference;
use k8s_openapi::jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::{Catalog, ObjectKey, RolloutEntry};
use crate::destination::{self, Distinct, Placement, Resolution, Selection};
use crate::{FluxKind, Target, names, render};

/// An Application as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct AppEntry {
    /// What identifies it.
    pub key: ObjectKey,
    /// When it was created; `None` of one that is stored nowhere.
    pub created: Option<Timestamp>,
    /// Whether it is on its way out: then it keeps nothing else in use.
    pub is_deleted: bool,
    /// What its source is fetched by, if it has one.
    pub source: Option<FluxKind>,
    /// Its policies, in the order of the spec.
    pub policies: Box<[PolicyEntry]>,
}

/// A policy as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEntry {
    /// Its name, its own or a generated one.
    pub name: Box<str>,
    /// What it becomes.
    pub delivery: Delivery,
    /// Where it goes; policies that go to the same place share it, as far as that is known.
    pub destination: Arc<PolicyDestination>,
    /// What it rolls out step by step, if it does.
    pub rollout: Option<Box<RolloutEntry>>,
}

/// The kind of Flux object that a policy becomes. Objects of different kinds
/// may share a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// Kustomizations.
    Kustomization,
    /// `HelmReleases`.
    Helm,
    /// Nothing: the policy says neither.
    Nothing,
}

/// Where a policy goes, after inheritance: what is kept of a [`Placement`].
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyDestination {
    /// The cluster in which Fleetgate runs.
    Host,
    /// Clusters of a Fleet.
    Fleet {
        /// The Fleet's name, in the Application's namespace.
        fleet: Box<str>,
        /// Which of its clusters.
        selection: Selection,
    },
    /// A destination that names no fleet.
    FleetMissing,
}

/// What identifies a workload in a cluster. A kind and a namespace that are not
/// given are empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadKey {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its kind.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl AppEntry {
    /// Which of the two was there first, and is not the one to give way: what is
    /// stored before what is not. `None` if neither is.
    #[must_use]
    pub fn age_beside(&self, other: &Application) -> Option<Ordering> {
        match (self.created, created(other)) {
            (None, None) => None,
            (Some(_), None) => Some(Ordering::Less),
            (None, Some(_)) => Some(Ordering::Greater),
            (Some(ours), Some(theirs)) => Some((ours, &self.key.name).cmp(&(theirs, &other.name_any()))),
        }
    }

    /// Those of its policies that go to that Fleet.
    pub fn policies_to<'a, 'b>(
        &'a self,
        fleet: &'b str,
    ) -> impl Iterator<Item = &'a PolicyEntry> + use<'a, 'b> {
        self.policies.iter().filter(move |policy| policy.destination.fleet() == Some(fleet))
    }
}

impl PolicyEntry {
    /// What the names of its children begin with, before a dash, the kind and
    /// the name of a cluster; a name that would be too long ends in a hash.
    #[must_use]
    pub fn child_name_base(&self) -> Cow<'_, str> {
        let is_lower = |byte: &u8| byte.is_ascii() && !byte.is_ascii_uppercase();
        if self.name.as_bytes().iter().all(is_lower) {
            return Cow::Borrowed(&self.name);
        }
        Cow::Owned(self.name.to_lowercase())
    }

    /// The name of its child for `target`.
    #[must_use]
    pub fn child_name(&self, target: &Target) -> String {
        names::child_name(&self.name, target)
    }
}

impl Delivery {
    /// The kind of the objects; `None` if there are none.
    #[must_use]
    pub const fn kind(self) -> Option<FluxKind> {
        match self {
            Self::Kustomization => Some(FluxKind::Kustomization),
            Self::Helm => Some(FluxKind::HelmRelease),
            Self::Nothing => None,
        }
    }
}

impl PolicyDestination {
    /// The Fleet that it names.
    #[must_use]
    pub fn fleet(&self) -> Option<&str> {
        match self {
            Self::Fleet { fleet, .. } => Some(fleet),
            Self::Host | Self::FleetMissing => None,
        }
    }

    /// Whether it means a member of its Fleet that has these labels.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        matches!(self, Self::Fleet { selection, .. } if selection.matches(labels))
    }

    /// What it means today, for an Application in `namespace`.
    #[must_use]
    pub fn resolve(&self, namespace: &str, catalog: &Catalog) -> Arc<Resolution> {
        match self {
            Self::Host => destination::resolve(Placement::Host, namespace, catalog),
            Self::FleetMissing => destination::resolve(Placement::FleetMissing, namespace, catalog),
            Self::Fleet { fleet, selection } => {
                destination::resolve_in_fleet(fleet, selection, namespace, catalog)
            }
        }
    }
}

impl From<Placement<'_>> for PolicyDestination {
    fn from(placement: Placement<'_>) -> Self {
        match placement {
            Placement::Host => Self::Host,
            Placement::FleetMissing => Self::FleetMissing,
            Placement::Fleet { fleet, selector, .. } => {
                Self::Fleet { fleet: fleet.into(), selection: Selection::of(selector) }
            }
        }
    }
}

impl From<&Application> for AppEntry {
    fn from(object: &Application) -> Self {
        let spec = &object.spec;
        let name = object.name_any();
        let mut destinations: BTreeMap<Distinct<'_>, Arc<PolicyDestination>> = BTreeMap::new();
        let policies = spec.sync_policies.iter().enumerate().map(|(index, policy)| {
            let placement = destination::placement(spec, policy);
            let destination =
                destinations.entry(Distinct::of(placement)).or_insert_with(|| Arc::new(placement.into()));
            PolicyEntry {
                name: names::policy_name(&name, index, policy).into(),
                delivery: delivery(policy),
                destination: Arc::clone(destination),
                rollout: policy.rollout.as_deref().map(|rollout| Box::new(rollout.into())),
            }
        });
        let policies = policies.collect();
        Self {
            key: ObjectKey::new(object.namespace().unwrap_or_default(), name),
            created: created(object),
            is_deleted: object.meta().deletion_timestamp.is_some(),
            source: render::source_kind(&spec.source),
            policies,
        }
    }
}

impl From<&CrossNamespaceObjectReference> for WorkloadKey {
    fn from(reference: &CrossNamespaceObjectReference) -> Self {
        Self {
            namespace: reference.namespace.as_deref().unwrap_or_default().into(),
            kind: reference.kind.as_deref().unwrap_or_default().into(),
            name: reference.name.as_str().into(),
        }
    }
}

fn created(object: &Application) -> Option<Timestamp> {
    object.meta().creation_timestamp.as_ref().map(|time| time.0)
}

fn delivery(policy: &SyncPolicy) -> Delivery {
    if policy.kustomization.is_some() {
        Delivery::Kustomization
    } else if policy.helm.is_some() {
        Delivery::Helm
    } else {
        Delivery::Nothing
    }
}

#[cfg(test)]
mod tests;
