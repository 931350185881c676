//! The condition types and reasons that a status may show.
//!
//! Invariant: both are closed sets. A program that reads a status may match on them, so a variant
//! is added here, with its meaning, before anything writes it.

use std::fmt;

/// What a condition is about. They follow kstatus, so that generic tools understand them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionType {
    /// Always present. True: all that the spec asks for is there and healthy.
    Ready,
    /// Present, and then True, while work towards the spec goes on.
    Reconciling,
    /// Present, and then True, if nothing will change until someone changes something.
    Stalled,
    /// Present, and then True, while a part of the spec is left out of what is delivered. A warning:
    /// Ready speaks of what is delivered.
    Undelivered,
    /// Present, and then True, while a Secret or a ServiceAccount that the spec names does not exist,
    /// or lacks the key. A warning: what that comes to, Ready says.
    MissingReferences,
    /// Present, and then True, while a removal that nobody decided is held until it is confirmed. A
    /// warning: Ready speaks of what is planned.
    PruneHeld,
    /// Present, and then True, while something that is being removed has not gone for half a minute,
    /// as where its cluster does not answer. A warning: Ready speaks of what is planned.
    PruneStuck,
}

impl ConditionType {
    /// Every type there is.
    pub const ALL: [Self; 7] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::Undelivered,
        Self::MissingReferences,
        Self::PruneHeld,
        Self::PruneStuck,
    ];

    /// The type as it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Undelivered => "Undelivered",
            Self::MissingReferences => "MissingReferences",
            Self::PruneHeld => "PruneHeld",
            Self::PruneStuck => "PruneStuck",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a condition is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionReason {
    /// All that the spec asks for is there and healthy. With Ready=True.
    Succeeded,
    /// A cluster answers, and works. With Ready=True.
    Reachable,
    /// Everything is applied, and some of it is not ready yet. With Reconciling=True.
    Progressing,
    /// The object is being deleted, and what it made is being removed. With Reconciling=True, or
    /// of an object that stays with PruneStuck=True.
    Deleting,
    /// The object is being deleted, and what others have said still needs it. With Reconciling=True.
    InUse,
    /// The spec breaks a rule, having passed no gate. With Stalled=True.
    InvalidSpec,
    /// The spec asks for something that this version leaves out. With Undelivered=True.
    NotSupported,
    /// A Fleet or a cluster that the spec names does not exist. With Ready=False.
    DestinationNotFound,
    /// The destination exists, and no cluster belongs to it. With Ready=False.
    NoClusters,
    /// An object of the name that is needed belongs to someone else. With Stalled=True.
    Conflict,
    /// The API server refused a write. With Ready=False.
    ApplyFailed,
    /// The source cannot be fetched. With Ready=False.
    SourceFailed,
    /// Something that was applied has failed. With Ready=False.
    DeliveryFailed,
    /// The Secret with a cluster's kubeconfig, or its key, does not exist. With Ready=False.
    KubeconfigNotFound,
    /// A kubeconfig cannot be read, or asks for something that is not allowed. With Stalled=True.
    KubeconfigInvalid,
    /// A Secret or a ServiceAccount that the spec names does not exist, or lacks the key. With
    /// MissingReferences=True.
    ReferenceNotFound,
    /// A label, a Fleet or a cluster changed, and more would go than may go unasked. With
    /// PruneHeld=True.
    PruneHeld,
    /// A cluster does not answer, or not as one that works. With Ready=False.
    Unreachable,
    /// A cluster does not let the kubeconfig's user in. With Ready=False.
    Unauthorized,
    /// A cluster and the kubeconfig do not trust each other. With Ready=False.
    TlsFailed,
    /// Some clusters of a Fleet do not exist or are not ready. With Ready=False.
    ClustersNotReady,
}

impl ConditionReason {
    /// Every reason there is.
    pub const ALL: [Self; 21] = [
        Self::Succeeded,
        Self::Reachable,
        Self::Progressing,
        Self::Deleting,
        Self::InUse,
        Self::InvalidSpec,
        Self::NotSupported,
        Self::DestinationNotFound,
        Self::NoClusters,
        Self::Conflict,
        Self::ApplyFailed,
        Self::SourceFailed,
        Self::DeliveryFailed,
        Self::KubeconfigNotFound,
        Self::KubeconfigInvalid,
        Self::ReferenceNotFound,
        Self::PruneHeld,
        Self::Unreachable,
        Self::Unauthorized,
        Self::TlsFailed,
        Self::ClustersNotReady,
    ];

    /// The reason as it stands in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "Succeeded",
            Self::Reachable => "Reachable",
            Self::Progressing => "Progressing",
            Self::Deleting => "Deleting",
            Self::InUse => "InUse",
            Self::InvalidSpec => "InvalidSpec",
            Self::NotSupported => "NotSupported",
            Self::DestinationNotFound => "DestinationNotFound",
            Self::NoClusters => "NoClusters",
            Self::Conflict => "Conflict",
            Self::ApplyFailed => "ApplyFailed",
            Self::SourceFailed => "SourceFailed",
            Self::DeliveryFailed => "DeliveryFailed",
            Self::KubeconfigNotFound => "KubeconfigNotFound",
            Self::KubeconfigInvalid => "KubeconfigInvalid",
            Self::ReferenceNotFound => "ReferenceNotFound",
            Self::PruneHeld => "PruneHeld",
            Self::Unreachable => "Unreachable",
            Self::Unauthorized => "Unauthorized",
            Self::TlsFailed => "TLSFailed",
            Self::ClustersNotReady => "ClustersNotReady",
        }
    }
}

impl fmt::Display for ConditionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
