//! Secrets and ServiceAccounts, given as data, and the rules that need them.
//!
//! ```text
//! files (`check`) ──────┐
//!                       ├─▶ Credentials ─▶ check ─▶ findings
//! host (controllers) ───┘
//! ```
//!
//! **Invariant**: the webhook reads no Secret, and no review gets here. Nothing
//! of a Secret's content is ever said, logged or kept beyond the call.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::ObjectKey;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde::Deserialize;
use serde_json::Value;

use crate::finding::{Finding, Findings};
use crate::rules::{cluster, reference};
use crate::schema::Kind;

/// What a Secret holds, by key.
pub type Content = BTreeMap<String, Vec<u8>>;

/// The Secrets and ServiceAccounts that are known.
#[derive(Clone, Default)]
pub struct Credentials {
    secrets: BTreeMap<ObjectKey, Content>,
    service_accounts: BTreeSet<ObjectKey>,
    is_complete: bool,
}

/// What is known of a Secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// It exists, with this content.
    Found(&'a Content),
    /// It does not exist.
    Missing,
    /// Nobody has looked.
    Unknown,
}

impl Credentials {
    /// These are all that there are of what is [needed](needs): what is not
    /// among them does not exist.
    #[must_use]
    pub fn complete(mut self) -> Self {
        self.is_complete = true;
        self
    }

    /// Adds a Secret, as it is written or as it is stored.
    pub fn insert_secret(&mut self, secret: Secret) {
        let key = ObjectKey::new(secret.namespace().unwrap_or_default(), secret.name_any());
        let data = secret.data.into_iter().flatten().map(|(key, content)| (key, content.0));
        let texts = secret.string_data.into_iter().flatten();
        // As the API server has it, the text wins.
        let content = data.chain(texts.map(|(key, text)| (key, text.into_bytes())));
        self.secrets.insert(key, content.collect());
    }

    /// Adds a ServiceAccount.
    pub fn insert_service_account(&mut self, namespace: &str, name: &str) {
        self.service_accounts.insert(ObjectKey::new(namespace, name));
    }

    /// Whether nobody has looked, so that of no object anything can be said.
    fn know_nothing(&self) -> bool {
        self.secrets.is_empty() && !self.is_complete
    }

    /// What is known of that Secret.
    #[must_use]
    pub fn secret(&self, namespace: &str, name: &str) -> Lookup<'_> {
        match self.secrets.get(&ObjectKey::new(namespace, name)) {
            Some(content) => Lookup::Found(content),
            None if self.is_complete => Lookup::Missing,
            None => Lookup::Unknown,
        }
    }

    /// Whether there is certainly no such ServiceAccount.
    #[must_use]
    pub fn lacks_service_account(&self, namespace: &str, name: &str) -> bool {
        self.is_complete && !self.service_accounts.contains(&ObjectKey::new(namespace, name))
    }
}

/// The keys alone.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("secrets", &self.secrets.keys())
            .field("service_accounts", &self.service_accounts)
            .field("is_complete", &self.is_complete)
            .finish()
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Found(_) => "Found",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        })
    }
}

/// The names of what an Application needs beside it on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Secrets.
    pub secrets: BTreeSet<String>,
    /// ServiceAccounts.
    pub service_accounts: BTreeSet<String>,
}

impl Needs {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.secrets.len() + self.service_accounts.len()
    }
}

/// What [`check`] has to know of to speak of `application`: who may not list
/// Secrets asks for each of these by its name.
#[must_use]
pub fn needs(application: &Application) -> Needs {
    reference::secret::needs(application)
}

/// What the rules that need Secrets and ServiceAccounts say about an object,
/// beside what [`judge`](crate::judge::judge()) says: hand it the object of the
/// verdict. Of one that cannot be read they say nothing.
#[must_use]
pub fn check(kind: Kind, object: &Value, credentials: &Credentials) -> Vec<Finding> {
    if credentials.know_nothing() {
        return Vec::new();
    }
    let mut findings = Findings::default();
    let object = kind.schema().prepared(object);
    match kind {
        Kind::Application => {
            if let Ok(application) = Application::deserialize(&*object) {
                reference::secret::check_application(&application, credentials, &mut findings);
            }
        }
        Kind::Fleet => {
            if let Ok(fleet) = Fleet::deserialize(&*object) {
                reference::secret::check_fleet(&fleet, credentials, &mut findings);
            }
        }
        Kind::AttachedCluster => {
            if let Ok(attached) = AttachedCluster::deserialize(&*object) {
                reference::secret::check_cluster(&attached, credentials, &mut findings);
                cluster::content::check(&attached, credentials, &mut findings);
            }
        }
    }
    let mut findings = findings.into_vec();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{cluster_object, credentials};
    use serde_json::json;

    #[test]
    fn a_secret_is_read_as_it_is_written() {
        let mut known = Credentials::default();
        let secret = json!({
            "metadata": {"name": "a", "namespace": "n"},
            "data": {"one": "MQ==", "two": "MQ=="}, "stringData": {"two": "2"},
        });
        known.insert_secret(serde_json::from_value(secret).expect("a Secret"));
        let Lookup::Found(content) = known.secret("n", "a") else { panic!("{known:?}") };
        assert_eq!(
            *content,
            BTreeMap::from([("one".to_owned(), b"1".to_vec()), ("two".to_owned(), b"2".to_vec())])
        );
        assert_eq!(known.secret("n", "b"), Lookup::Unknown);
        assert!(!format!("{known:?}").contains("one"));
        assert_eq!(known.complete().secret("n", "b"), Lookup::Missing);
    }

    #[test]
    fn a_kubeconfig_is_judged_where_its_secret_is_known() {
        let codes = |name: &str| {
            let object = cluster_object("m1", json!({"kubeconfig": {"name": name}}));
            let findings = check(Kind::AttachedCluster, &object, &credentials());
            findings.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect::<Vec<_>>()
        };
        assert_eq!(codes("m1-exec"), ["spec.kubeconfig cluster/kubeconfig-content"]);
        assert_eq!(codes("m1"), [""; 0]);
        assert_eq!(codes("not-among-the-files"), [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        for object in [json!(null), json!({"spec": 5}), json!({"spec": {"kubeconfig": {"name": 5}}})] {
            for kind in Kind::ALL {
                assert!(check(kind, &object, &credentials().complete()).is_empty());
            }
        }
    }
}
