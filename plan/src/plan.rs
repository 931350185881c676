//! The plan: every object that will exist for an Application.
//!
//! A policy's objects differ from cluster to cluster only in their names and
//! credentials, so a plan holds one [`Template`] per policy and class of
//! targets, and one [`Binding`] per target; objects are rendered one at a time
//! when someone asks. A thousand clusters cost a thousand bindings.
//!
//! There is exactly one renderer: the controllers, the schema check and the
//! command line all read the same plan.

use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::application::{Source, SyncPolicy};
use fleetgate_api::names::{ANNOTATION_POLICY, LABEL_APPLICATION};
use fleetgate_api::source::GitRepository;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::{DynamicObject, ObjectMeta, TypeMeta};
use kube::{Resource, ResourceExt};
use serde_json::{Map, Value, json};

use crate::destination::{self, Resolution, Resolver, Target};
use crate::{Catalog, FluxKind, names};

/// Fields of a GitRepository that Flux has dropped. They stay in the schema,
/// since they stand in stored objects, and are not passed on.
const DROPPED_SOURCE_FIELDS: [&str; 2] = ["gitImplementation", "accessFrom"];

/// Whom the children belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Namespace of the Application, and of everything that it becomes.
    pub namespace: String,
    /// Name of the Application.
    pub name: String,
    /// Its uid; `None` offline, and then no owner reference is written.
    pub uid: Option<String>,
}

/// All that will exist for one Application.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Whom it belongs to.
    pub owner: Owner,
    /// The object that fetches the source, if its kind is delivered.
    pub source: Option<Template>,
    /// What becomes of each policy, in the order of the spec.
    pub policies: Vec<PolicyPlan>,
    /// What of the Application is admitted but not delivered.
    pub undelivered: Vec<Undelivered>,
}

/// What becomes of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyPlan {
    /// The policy's name, its own or a generated one.
    pub name: String,
    /// Where it goes, and what of that does not exist.
    pub resolution: Arc<Resolution>,
    /// One template per class of targets; empty while the policy is not delivered.
    pub templates: Vec<Template>,
}

/// A part of an Application that is admitted but that no renderer stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The field path of that part.
    pub path: String,
    /// What it is, as the end of "… does not deliver".
    pub what: &'static str,
}

/// An object without what differs from target to target.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The object's kind.
    pub kind: FluxKind,
    /// The policy that it delivers; `None` for the source.
    pub policy: Option<String>,
    /// Its spec, without credentials.
    pub spec: Map<String, Value>,
    /// One object each.
    pub bindings: Vec<Binding>,
}

/// What makes a template an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The object's name.
    pub name: String,
    /// The cluster that it is about.
    pub target: Target,
}

impl Plan {
    /// Plans `application` on the clusters of `catalog`.
    #[must_use]
    pub fn of(application: &Application, catalog: &Catalog) -> Self {
        let owner = Owner {
            namespace: application.namespace().unwrap_or_default(),
            name: application.name_any(),
            uid: application.uid(),
        };
        let mut undelivered = Vec::new();
        let source = plan_source(&application.spec.source, &owner, &mut undelivered);
        let spec = &application.spec;
        let mut resolver = Resolver::new(&owner.namespace, catalog);
        let policies = spec
            .sync_policies
            .iter()
            .enumerate()
            .map(|(index, policy)| {
                let name = names::policy_name(&owner.name, index, policy);
                let placement = destination::placement(spec, policy);
                let resolution = resolver.resolve(placement);
                let wanted = undelivered_part(index, policy);
                let templates = match (&source, wanted) {
                    (_, Some(part)) => {
                        undelivered.push(part);
                        Vec::new()
                    }
                    (None, None) => Vec::new(),
                    (Some(source), None) => {
                        plan_policy(policy, &name, &resolution, source).into_iter().collect()
                    }
                };
                PolicyPlan { name, resolution, templates }
            })
            .collect();
        Self { owner, source, policies, undelivered }
    }

    /// Every template with the bindings that it is rendered for: the source
    /// first, then policy by policy.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.source.iter().chain(self.policies.iter().flat_map(|policy| &policy.templates))
    }

    /// Every object with its kind, in the order in which it is to be applied.
    pub fn objects(&self) -> impl Iterator<Item = (FluxKind, DynamicObject)> {
        self.templates().flat_map(|template| {
            let bindings = template.bindings.iter();
            bindings.map(|binding| (template.kind, template.render(binding, &self.owner)))
        })
    }
}

impl Template {
    /// The object that `binding` makes of this template.
    #[must_use]
    pub fn render(&self, binding: &Binding, owner: &Owner) -> DynamicObject {
        let mut spec = self.spec.clone();
        if let Target::Member(cluster) = &binding.target
            && let Some(kubeconfig) = &cluster.kubeconfig
        {
            let reference = json!({"name": kubeconfig.secret, "key": kubeconfig.key});
            spec.insert("kubeConfig".into(), json!({"secretRef": reference}));
        }
        let labels = [(LABEL_APPLICATION.to_owned(), owner.name.clone())];
        DynamicObject {
            types: Some(TypeMeta { api_version: self.kind.api_version(), kind: self.kind.kind().to_owned() }),
            metadata: ObjectMeta {
                name: Some(binding.name.clone()),
                namespace: Some(owner.namespace.clone()).filter(|namespace| !namespace.is_empty()),
                labels: Some(labels.into()),
                annotations: self
                    .policy
                    .as_ref()
                    .map(|policy| [(ANNOTATION_POLICY.to_owned(), policy.clone())].into()),
                owner_references: owner_reference(owner).map(|reference| vec![reference]),
                ..ObjectMeta::default()
            },
            data: json!({ "spec": spec }),
        }
    }
}

fn owner_reference(owner: &Owner) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: Application::api_version(&()).into_owned(),
        kind: Application::kind(&()).into_owned(),
        name: owner.name.clone(),
        uid: owner.uid.clone()?,
        controller: Some(true),
        block_owner_deletion: Some(true),
    })
}

fn plan_source(source: &Source, owner: &Owner, undelivered: &mut Vec<Undelivered>) -> Option<Template> {
    if let Some(git) = &source.git_repository {
        return Some(git_template(git, owner));
    }
    let others = [
        ("helmRepository", source.helm_repository.is_some(), "Helm repositories"),
        ("ociRepository", source.oci_repository.is_some(), "OCI repositories"),
        ("bucket", source.bucket.is_some(), "buckets"),
    ];
    let named = others.into_iter().filter(|(_, present, _)| *present);
    undelivered
        .extend(named.map(|(field, _, what)| Undelivered { path: format!("spec.source.{field}"), what }));
    None
}

fn git_template(git: &GitRepository, owner: &Owner) -> Template {
    let mut spec = to_map(git);
    for field in DROPPED_SOURCE_FIELDS {
        spec.remove(field);
    }
    Template {
        kind: FluxKind::GitRepository,
        policy: None,
        spec,
        bindings: vec![Binding { name: owner.name.clone(), target: Target::Host }],
    }
}

/// The part of a policy that cannot be delivered. A policy with a rollout is
/// held as it is: without its analysis the new version would go out unchecked.
fn undelivered_part(index: usize, policy: &SyncPolicy) -> Option<Undelivered> {
    let (field, what) = if policy.rollout.is_some() {
        ("rollout", "progressive rollouts")
    } else if policy.helm.is_some() {
        ("helm", "Helm releases")
    } else {
        return None;
    };
    Some(Undelivered { path: format!("spec.syncPolicies[{index}].{field}"), what })
}

fn plan_policy(
    policy: &SyncPolicy,
    name: &str,
    resolution: &Resolution,
    source: &Template,
) -> Option<Template> {
    let kustomization = policy.kustomization.as_ref()?;
    let mut spec = to_map(kustomization);
    let source_name = source.bindings.first().map(|binding| &binding.name);
    let source_ref = json!({"kind": source.kind.kind(), "name": source_name});
    spec.insert("sourceRef".into(), source_ref);
    let bindings = resolution.targets.iter().filter(|target| target.is_reachable());
    Some(Template {
        kind: FluxKind::Kustomization,
        policy: Some(name.to_owned()),
        spec,
        bindings: bindings
            .map(|target| Binding { name: names::child_name(name, target), target: target.clone() })
            .collect(),
    })
}

/// The types serialise to objects by construction.
fn to_map(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application};

    fn rendered(spec: Value, catalog: &Catalog) -> Vec<Value> {
        let app = application(spec);
        let plan = Plan::of(&app, catalog);
        let objects = plan.objects().map(|(_, object)| serde_json::to_value(object));
        objects.collect::<Result<_, _>>().expect("objects serialise")
    }

    fn two_clusters() -> Catalog {
        Scenario::new()
            .cluster("m1", &[("env", "test")])
            .cluster("m2", &[("env", "dev")])
            .fleet("quickstart", &["m1", "m2"])
            .catalog()
    }

    fn git_spec(policies: Value) -> Value {
        json!({
            "source": {"gitRepository": {
                "url": "https://github.com/o/r", "interval": "3m0s",
                "gitImplementation": "go-git", "ref": {"branch": "main"},
            }},
            "syncPolicies": policies,
        })
    }

    fn kustomization() -> Value {
        json!({"interval": "5m0s", "path": "./deploy", "prune": true})
    }

    #[test]
    fn git_and_kustomization_on_two_clusters() {
        let policies = json!([{"name": "web", "destination": {"fleet": "quickstart"}, "kustomization": kustomization()}]);
        let objects = rendered(git_spec(policies), &two_clusters());
        assert_eq!(objects.len(), 3);
        assert_eq!(
            objects[0],
            json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {
                    "name": "shop", "namespace": "default",
                    "labels": {"apps.kurator.dev/app-name": "shop"},
                    "ownerReferences": [{
                        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop",
                        "uid": "u1", "controller": true, "blockOwnerDeletion": true,
                    }],
                },
                "spec": {"url": "https://github.com/o/r", "interval": "3m0s", "ref": {"branch": "main"}},
            })
        );
        assert_eq!(objects[2]["metadata"]["name"], "web-attachedcluster-m2");
        assert_eq!(objects[2]["metadata"]["annotations"], json!({"fleetgate.dev/policy": "web"}));
        assert_eq!(
            objects[2]["spec"],
            json!({
                "interval": "5m0s", "path": "./deploy", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "shop"},
                "kubeConfig": {"secretRef": {"name": "m2", "key": "value"}},
            })
        );
    }

    #[test]
    fn no_destination_is_the_host_with_fluxs_own_credentials() {
        let objects = rendered(git_spec(json!([{"kustomization": kustomization()}])), &two_clusters());
        assert_eq!(objects[1]["metadata"]["name"], "shop-0-currentcluster-host");
        assert_eq!(objects[1]["spec"].get("kubeConfig"), None);
    }

    #[test]
    fn a_member_without_kubeconfig_never_gets_the_hosts_credentials() {
        let catalog = Scenario::new().cluster_without_kubeconfig("m1").fleet("quickstart", &["m1"]).catalog();
        let policies = json!([{"destination": {"fleet": "quickstart"}, "kustomization": kustomization()}]);
        let objects = rendered(git_spec(policies), &catalog);
        assert_eq!(objects.len(), 1, "{objects:?}");
    }

    #[test]
    fn what_is_not_delivered_is_said_with_its_path() {
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "podinfo"}}});
        let app = application(json!({
            "source": {"helmRepository": {"url": "https://charts.example.com"}},
            "syncPolicies": [{"helm": helm}],
        }));
        let plan = Plan::of(&app, &Catalog::default());
        let paths: Vec<_> = plan.undelivered.iter().map(|part| part.path.as_str()).collect();
        assert_eq!(paths, ["spec.source.helmRepository", "spec.syncPolicies[0].helm"]);
        assert_eq!(plan.objects().count(), 0);
    }

    #[test]
    fn a_plan_is_deterministic() {
        let spec =
            git_spec(json!([{"destination": {"fleet": "quickstart"}, "kustomization": kustomization()}]));
        let catalog = two_clusters();
        assert_eq!(rendered(spec.clone(), &catalog), rendered(spec, &catalog));
    }
}
