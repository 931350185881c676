//! What Helm tells releases apart by.
//!
//! Two `HelmReleases` that mean one release are one to Helm: the second takes it
//! over, and the first takes it away when it goes. Pure.

use serde_json::Value;

/// A release: where it is, and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HelmName {
    /// The Secret with the cluster's credentials; none on the host.
    secret: Option<String>,
    /// The namespace in which Helm keeps its record.
    namespace: String,
    release: String,
}

impl HelmName {
    /// What the HelmRelease of that spec, name and namespace means, by Flux's defaults.
    #[must_use]
    pub fn of(spec: &Value, name: &str, namespace: &str) -> Self {
        let text = |pointer: &str| {
            let text = spec.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let otherwise = || match text("/targetNamespace") {
            Some(target) => format!("{target}-{name}"),
            None => name.to_owned(),
        };
        Self {
            secret: text("/kubeConfig/secretRef/name"),
            namespace: text("/storageNamespace").unwrap_or_else(|| namespace.to_owned()),
            release: text("/releaseName").unwrap_or_else(otherwise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_release_is_told_by_its_cluster_its_record_and_its_name() {
        let name = |spec: Value| {
            let HelmName { secret, namespace, release } = HelmName::of(&spec, "web-m1", "default");
            format!("{} {namespace} {release}", secret.unwrap_or_else(|| "host".to_owned()))
        };
        let on_m1 = json!({"secretRef": {"name": "m1", "key": "value"}});
        let table = [
            (json!({}), "host default web-m1"),
            (json!({"releaseName": ""}), "host default web-m1"),
            (json!({"targetNamespace": "shop"}), "host default shop-web-m1"),
            (json!({"releaseName": "web", "targetNamespace": "shop", "kubeConfig": on_m1}), "m1 default web"),
            (json!({"releaseName": "web", "storageNamespace": "helm"}), "host helm web"),
        ];
        for (spec, expected) in table {
            assert_eq!(name(spec.clone()), expected, "{spec}");
        }
    }
}
