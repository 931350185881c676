//! A tree of objects, and how each of them fares.

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use crate::flux_state::{Phase, State};

/// An object, or something that stands for several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) state: Health,
    /// Clusters that are ready, of all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ready: Option<String>,
    /// Where a policy goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) destination: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// The command that confirms the removal that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) confirmed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<Node>,
}

/// How an object fares, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Health {
    Failed,
    /// On its way out.
    Deleting,
    Progressing,
    /// Not planned any more, and kept, as nobody decided that it should go.
    Kept,
    Suspended,
    Ready,
}

impl Health {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
            Self::Progressing => "Progressing",
            Self::Kept => "Kept",
            Self::Suspended => "Suspended",
            Self::Ready => "Ready",
        }
    }

    /// Of a Flux object that is not on its way out.
    pub(super) const fn of(state: &State) -> Self {
        match state.phase {
            _ if state.suspended => Self::Suspended,
            Phase::Failed => Self::Failed,
            Phase::Progressing => Self::Progressing,
            Phase::Ready => Self::Ready,
        }
    }
}

impl Node {
    pub(super) fn new(kind: impl Into<String>, name: impl Into<String>, state: Health) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            namespace: None,
            state,
            ready: None,
            destination: None,
            revision: None,
            message: None,
            confirmed_by: None,
            created: None,
            children: Vec::new(),
        }
    }

    /// One that fares as the worst of its children does.
    pub(super) fn over(kind: impl Into<String>, name: impl Into<String>, children: Vec<Self>) -> Self {
        let worst = children.iter().min_by_key(|child| child.state);
        let state = worst.map_or(Health::Progressing, |child| child.state);
        Self { children, ..Self::new(kind, name, state) }
    }
}
