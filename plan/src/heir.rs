//! What a Flux object leaves to another one of its Application, when it goes.
//!
//! A policy that is renamed, or split, becomes other Flux objects, which deliver
//! the same. Flux would take that away with the old ones, under the new. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::flux::text;
use crate::{FluxKind, HelmName, KubeconfigRef, Plan, names};

/// What makes others of a folder's objects: adds them, leaves them out, or gives
/// them other names. Images, and labels for all of them, do not.
const BUILD: [&str; 3] = ["components", "patches", "postBuild"];

/// Hexadecimal digits of the digest of that.
const DIGITS: usize = 32;

/// What a Flux object of a policy delivers, told from what others do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Estate {
    /// A release of Helm's.
    Release(HelmName),
    /// The objects of a folder.
    Folder(Folder),
}

/// A folder of the Application's source: where it goes, what becomes of it, and
/// what its objects are called there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// Where the cluster's credentials are; none on the host.
    kubeconfig: Option<KubeconfigRef>,
    path: String,
    /// The digest of what its objects are built with.
    build: String,
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
        let path = text(spec, "/path").unwrap_or_default();
        let steps = path.split('/').filter(|step| !matches!(*step, "" | "."));
        Self {
            kubeconfig: KubeconfigRef::of(spec),
            path: steps.collect::<Vec<_>>().join("/"),
            build: build(spec),
            names: ["/targetNamespace", "/namePrefix", "/nameSuffix"].map(|pointer| text(spec, pointer)),
        }
    }
}

fn build(spec: &Value) -> String {
    let mut parts: Value = BUILD.iter().map(|field| spec.get(field).and_then(asked)).collect();
    parts.sort_all_objects();
    names::digest(parts.to_string().as_bytes(), DIGITS)
}

/// What is asked for: the API server fills in what is off, and drops what is null.
fn asked(value: &Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Array(items) => (!items.is_empty()).then(|| items.iter().map(asked).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), asked(value)?)));
            let fields: Map<String, Value> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Bool(true) | Value::Number(_) | Value::String(_) => Some(value.clone()),
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
        let variables = |region: &str| json!({"postBuild": {"substitute": {"region": region}}});
        let components = |region: &str| json!({"components": [format!("../{region}")]});
        let patches = |patch: &str| json!({"patches": [{"patch": patch}]});
        let from = json!({"kind": "ConfigMap", "name": "variables"});
        let mut overridden = plain();
        overridden["overrides"] =
            json!([{"clusterSelector": {"matchLabels": {"env": "dev"}}, "patches": [{"patch": "a"}]}]);
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
            ("variables", folder(variables("eu")), folder(variables("eu")), 2),
            ("other variables", folder(variables("us")), folder(variables("eu")), 0),
            (
                "variables from elsewhere",
                plain(),
                folder(json!({"postBuild": {"substituteFrom": [from]}})),
                0,
            ),
            ("components", folder(components("eu")), folder(components("eu")), 2),
            ("other components", folder(components("us")), folder(components("eu")), 0),
            ("patches", folder(patches("a")), folder(patches("a")), 2),
            ("other patches", folder(patches("b")), folder(patches("a")), 0),
            ("patches of some clusters", overridden, plain(), 1),
            ("another image", plain(), folder(json!({"images": [{"name": "web", "newTag": "2"}]})), 2),
            ("more labels", plain(), folder(json!({"commonMetadata": {"labels": {"a": "b"}}})), 2),
        ];
        for (what, old, new, expected) in table {
            assert_eq!(inherited(old, new), expected, "{what}");
        }
    }

    /// The API server fills in what is left out, and leaves out what is null.
    #[test]
    fn what_is_stored_is_what_was_rendered() {
        let of = |more: Value| {
            let spec = json!({"path": "./a", "postBuild": more, "patches": [{"patch": "a"}]});
            Estate::of(FluxKind::Kustomization, &spec, ("default", "web"))
        };
        let from = |optional: Value| {
            let reference = json!({"kind": "Secret", "name": "variables", "optional": optional});
            of(json!({"substitute": {"a": ""}, "substituteFrom": [reference]}))
        };
        assert_eq!(from(json!(null)), from(json!(false)));
        assert_ne!(from(json!(null)), from(json!(true)));
        assert_eq!(of(json!(null)), of(json!({"substitute": {}})));
        assert_ne!(of(json!(null)), of(json!({"substitute": {"a": ""}})), "an empty variable is one");
    }

    #[test]
    fn another_cluster_inherits_nothing() {
        let on = |kind: FluxKind, secret: &str, key: &str| {
            let kubeconfig = json!({"secretRef": {"name": secret, "key": key}});
            let spec = json!({"path": "./a", "releaseName": "web", "kubeConfig": kubeconfig});
            Estate::of(kind, &spec, ("default", "web"))
        };
        for kind in FluxKind::POLICIES {
            let on = |secret: &str, key: &str| on(kind, secret, key);
            assert_eq!(on("m1", "value"), on("m1", "value"));
            assert_eq!(on("m1", ""), on("m1", "value"), "Flux's default");
            assert_ne!(on("m1", "value"), on("m2", "value"));
            assert_ne!(on("members", "m1"), on("members", "m2"), "two clusters of one Secret");
        }
        assert_eq!(Estate::of(FluxKind::GitRepository, &json!({}), ("default", "shop")), None);
    }
}
