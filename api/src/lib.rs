//! The types of every object that Fleetgate serves, and the CRDs generated from them.
//!
//! ```text
//! Application ── source ──────── GitRepository │ HelmRepository │ OciRepository │ Bucket
//!      │    └─── destination ─── fleet, clusterSelector ──▶ Fleet ──▶ AttachedCluster, …
//!      └──────── syncPolicies[]─ destination?, kustomization │ helm, overrides?, rollout?
//! ```
//!
//! Invariant: this crate is data and nothing else. It decides nothing, defaults nothing, talks to
//! nobody; it depends on serde, schemars, kube-core and k8s-openapi alone.
//!
//! An object that is read and written again is the same document: an absent field stays absent,
//! an empty list stays an empty list. The defaults that the CRDs declare are the API server's.

#![forbid(unsafe_code)]

pub mod application;
pub mod attached_cluster;
pub mod condition;
pub mod crd;
pub mod fleet;
pub mod flux;
pub mod helm;
pub mod kustomization;
pub mod names;
pub mod overrides;
pub mod rollout;
pub mod schema;
pub mod source;

pub use application::{
    Application, ApplicationSpec, ApplicationStatus, ClusterStatus, Destination, DestinationStatus,
    HeldStatus, PackedList, PolicyStatus, Source, SourceStatus, SyncPolicy,
};
pub use attached_cluster::{
    AttachedCluster, AttachedClusterSpec, AttachedClusterStatus, KubeconfigReference,
};
pub use condition::{ConditionReason, ConditionType};
pub use crd::crds;
pub use fleet::{ClusterReference, Fleet, FleetSpec, FleetStatus};
pub use helm::Helm;
pub use kustomization::Kustomization;
pub use names::{
    APPLICATION_ALIASES, Alias, FIELD_MANAGER, FINALIZER_APPLICATION, FINALIZER_FLEET, LABEL_APPLICATION,
};
pub use overrides::Override;
pub use rollout::Rollout;
pub use source::{Bucket, GitRepository, HelmRepository, OciRepository};
