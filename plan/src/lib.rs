//! What an Application becomes: the [`Catalog`], the destinations it resolves
//! to, and the one renderer of everything that will exist.
//!
//! ```text
//! Fleets, clusters ──▶ Catalog ─┐
//!                               ▼
//! Application ──────────▶ destination::resolve ──▶ Plan (a template per policy) ──▶ objects
//! ```
//!
//! **Invariant**: every function here is pure. No I/O, no clock, no async: a
//! plan is a function of the object and the Catalog alone, so that admission,
//! `fleetgate check` and the controllers cannot come to different answers.

mod catalog;
mod cluster;
pub mod destination;
mod fate;
pub mod flagger;
pub mod flux;
mod heir;
mod helm;
pub mod impact;
mod installed;
mod kept;
pub mod names;
mod owner;
mod plan;
mod provider;
pub mod prune;
mod render;
mod rendered;
mod template;
#[cfg(test)]
mod test_fixtures;
pub mod usage;

pub use catalog::{
    AppEntry, Catalog, Change, Delivery, FlaggerPlugin, FleetEntry, Members, ObjectKey, PolicyDestination,
    PolicyEntry, RolloutEntry, Sizes, Tenancy, Turn, WorkloadKey,
};
pub use cluster::{Cluster, ClusterKey, ClusterKind, KubeconfigRef, lets_go};
pub use destination::{Placement, Resolution, Resolver, Selection, Target};
pub use fate::{Fate, Fates, Purpose};
pub use flux::FluxKind;
pub use heir::Estate;
pub use helm::HelmName;
pub use installed::{InstalledCrd, served_versions};
pub use owner::{Owner, owner_of};
pub use plan::{Plan, PolicyPlan, Undelivered};
pub use provider::Provider;
pub use rendered::RenderedKind;
pub use template::{Binding, Origin, Template};
