//! What a Flux object leaves to another one of its Application, when it goes.
//!
//! A policy that is renamed, or split, becomes other Flux objects, which deliver
//! the same. Flux would take that away with the old ones, under the new. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{FluxKind, HelmName, Plan};

/// What a Flux object of a policy delivers, told from what others do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Estate {
    /// A release of Helm's.
    Release(HelmName),
    /// The objects of a folder.
    Folder(Folder),
}

/// A folder of the Application's source: where it goes, and what its objects are
/// called there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// The Secret with the cluster's credentials; none on the host.
    secret: Option<String>,
    path: String,
    /// The namespace, and what names begin and end with.
    names: [Option<String>; 3],
}

impl Estate {
    /// Of the object of that kind, spec and name; none of a source.
    #[must_use]
    pub fn of(kind: FluxKind, spec: &Value, (namespace, name): (&str, &str)) -> Option<Self> {
        match kind {
            FluxKind::HelmRelease => Some(Self::Release(HelmName::of(spec, name, namespace))),
            FluxKind::Kustomization => Some(Self::Folder(Folder::of(spec))),
            _ => None,
        }
    }
}

impl Folder {
    fn of(spec: &Value) -> Self {
        let text = |pointer: &str| {
            let text = spec.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let path = text("/path").unwrap_or_default();
        let steps = path.split('/').filter(|step| !matches!(*step, "" | "."));
        Self {
            secret: text("/kubeConfig/secretRef/name"),
            path: steps.collect::<Vec<_>>().join("/"),
            names: ["/targetNamespace", "/namePrefix", "/nameSuffix"].map(text),
        }
    }
}

impl Plan {
    /// The planned objects of these kinds, by what they deliver.
    #[must_use]
    pub fn heirs(&self, kinds: &BTreeSet<FluxKind>) -> BTreeMap<Estate, String> {
        let templates = self.templates().filter(|template| kinds.contains(&template.kind));
        let named = templates.flat_map(|template| {
            template.bindings().filter_map(|binding| {
                let object = template.render(&binding, &self.owner);
                let spec = object.data.get("spec").unwrap_or(&Value::Null);
                let key = (self.owner.namespace.as_str(), binding.name.as_str());
                Some((Estate::of(template.kind, spec, key)?, binding.name))
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

    /// Of how many of the objects of a policy `old` the same one by the name of
    /// `new` delivers the same.
    fn inherited(old: Value, new: Value) -> usize {
        let estates = |name: &str, mut policy: Value| {
            policy["name"] = json!(name);
            policy["destination"] = json!({"fleet": "quickstart"});
            let spec = json!({"source": source("gitRepository"), "syncPolicies": [policy]});
            Plan::of(&application(spec), &two_clusters()).heirs(&FluxKind::POLICIES.into())
        };
        let (old, new) = (estates("old", old), estates("new", new));
        old.keys().filter(|estate| new.contains_key(estate)).count()
    }

    #[test]
    fn a_policy_by_another_name_delivers_the_same() {
        let chart = |release: Value| json!({"helm": {"interval": "5m", "releaseName": release, "chart": {"spec": {"chart": "c"}}}});
        let folder = |more: Value| {
            let mut spec =
                json!({"interval": "5m", "prune": true, "path": "./deploy", "targetNamespace": "shop"});
            for (key, value) in more.as_object().into_iter().flatten() {
                spec[key] = value.clone();
            }
            json!({"kustomization": spec})
        };
        let plain = || folder(json!({}));
        let table = [
            ("a release by its name", chart(json!("web")), chart(json!("web")), 2),
            ("a release named after the policy", chart(json!(null)), chart(json!(null)), 0),
            ("a folder", plain(), plain(), 2),
            ("the same folder", plain(), folder(json!({"path": "deploy/", "interval": "9m"})), 2),
            ("another folder", plain(), folder(json!({"path": "./deployment"})), 0),
            ("another namespace", plain(), folder(json!({"targetNamespace": "other"})), 0),
            ("other names", plain(), folder(json!({"namePrefix": "a-"})), 0),
            ("other ends of names", plain(), folder(json!({"nameSuffix": "-a"})), 0),
            ("a chart instead", plain(), chart(json!("web")), 0),
        ];
        for (what, old, new, expected) in table {
            assert_eq!(inherited(old, new), expected, "{what}");
        }
    }

    #[test]
    fn another_cluster_inherits_nothing() {
        let on = |secret: &str| {
            let spec = json!({"path": "./a", "kubeConfig": {"secretRef": {"name": secret, "key": "value"}}});
            Estate::of(FluxKind::Kustomization, &spec, ("default", "web"))
        };
        assert_eq!(on("m1"), on("m1"));
        assert_ne!(on("m1"), on("m2"));
        assert_eq!(Estate::of(FluxKind::GitRepository, &json!({}), ("default", "shop")), None);
    }
}
