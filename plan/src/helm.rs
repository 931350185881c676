//! What Helm tells releases apart by.
//!
//! Two `HelmReleases` that mean one release are one to Helm: the second takes it
//! over, and the first takes it away when it goes. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{FluxKind, Plan};

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

impl Plan {
    /// The `HelmReleases` that are planned, by what Helm knows them as.
    #[must_use]
    pub fn helm_names(&self) -> BTreeMap<HelmName, String> {
        let releases = self.templates().filter(|template| template.kind == FluxKind::HelmRelease);
        let named = releases.flat_map(|template| {
            template.bindings().map(|binding| {
                let object = template.render(&binding, &self.owner);
                let spec = object.data.get("spec").unwrap_or(&Value::Null);
                (HelmName::of(spec, &binding.name, &self.owner.namespace), binding.name)
            })
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{application, source, two_clusters};
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

    #[test]
    fn a_policy_by_another_name_means_the_same_release() {
        let plan = |name: &str, helm: Value| {
            let policy = json!({"name": name, "destination": {"fleet": "quickstart"}, "helm": helm});
            let spec = json!({"source": source("helmRepository"), "syncPolicies": [policy]});
            Plan::of(&application(spec), &two_clusters()).helm_names()
        };
        let chart = || json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}});
        let mut named = chart();
        named["releaseName"] = json!("web");
        let same = |one: &BTreeMap<HelmName, String>, other: &BTreeMap<HelmName, String>| {
            one.keys().filter(|name| other.contains_key(name)).count()
        };
        assert_eq!(same(&plan("old", named.clone()), &plan("new", named)), 2);
        assert_eq!(same(&plan("old", chart()), &plan("new", chart())), 0, "named after the policy");
    }
}
