//! Which of a Fleet's clusters a destination means.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

/// Which clusters of a Fleet a destination means: its selector, read once.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// All of them: there is no selector.
    All,
    /// Those that the selector matches.
    Matching(Selector),
    /// None, as the selector cannot be read; admission refuses it (`selector/syntax`).
    Unreadable(Box<str>),
}

impl Selection {
    /// The selection that a destination's selector makes.
    #[must_use]
    pub fn of(selector: Option<&LabelSelector>) -> Self {
        match selector.cloned().map(Selector::try_from) {
            None => Self::All,
            Some(Ok(selector)) => Self::Matching(selector),
            Some(Err(error)) => Self::Unreadable(error.to_string().into()),
        }
    }

    /// Whether a member with these labels is meant.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::All => true,
            Self::Matching(selector) => selector.matches(labels),
            Self::Unreadable(_) => false,
        }
    }
}

/// Different ones have different texts.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Matching(selector) => {
                f.write_str(&serde_json::to_string(selector).map_err(|_| fmt::Error)?)
            }
            Self::Unreadable(error) => write!(f, "unreadable: {error}"),
        }
    }
}
