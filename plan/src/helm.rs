//! What Helm tells releases apart by.
//!
//! Two `HelmReleases` that mean one release are one to Helm: the second takes it
//! over, and the first takes it away when it goes. Pure.

use serde_json::Value;

use crate::KubeconfigRef;
use crate::flux::text;

/// A release: where it is, and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HelmName {
    /// Where the cluster's credentials are; none on the host.
    kubeconfig: Option<KubeconfigRef>,
    /// The namespace in which Helm keeps its record.
    namespace: String,
    release: String,
}

impl HelmName {
    /// What the HelmRelease of that spec, name and namespace means, by Flux's defaults.
    #[must_use]
    pub fn of(spec: &Value, name: &str, namespace: &str) -> Self {
        let otherwise = || match text(spec, "/targetNamespace") {
            Some(target) => format!("{target}-{name}"),
            None => name.to_owned(),
        };
        Self {
            kubeconfig: KubeconfigRef::of(spec),
            namespace: text(spec, "/storageNamespace").unwrap_or_else(|| namespace.to_owned()),
            release: text(spec, "/releaseName").unwrap_or_else(otherwise),
        }
    }

    /// The namespace in which Helm keeps its record.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What Helm calls the release; a longer name than it takes is cut by Flux.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_release_is_told_by_its_cluster_its_record_and_its_name() {
        let name = |spec: Value| {
            let HelmName { kubeconfig, namespace, release } = HelmName::of(&spec, "web-m1", "default");
            let cluster = kubeconfig.map_or("host".to_owned(), |it| format!("{}/{}", it.secret, it.key));
            format!("{cluster} {namespace} {release}")
        };
        let on_m1 = json!({"secretRef": {"name": "m1", "key": "value"}});
        let table = [
            (json!({}), "host default web-m1"),
            (json!({"releaseName": ""}), "host default web-m1"),
            (json!({"targetNamespace": "shop"}), "host default shop-web-m1"),
            (
                json!({"releaseName": "web", "targetNamespace": "shop", "kubeConfig": on_m1}),
                "m1/value default web",
            ),
            (json!({"releaseName": "web", "storageNamespace": "helm"}), "host helm web"),
        ];
        for (spec, expected) in table {
            assert_eq!(name(spec.clone()), expected, "{spec}");
        }
    }
}
