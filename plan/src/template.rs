//! A template: the objects of one policy, or of the source, without what
//! differs from target to target.
//!
//! **Invariant**: a template costs as much as the part of the Application that
//! it comes from, however many clusters there are. Names, overrides, variables
//! and dependencies are worked out one target at a time, when someone asks: an
//! Application of thousands of policies on a thousand clusters is planned in
//! the time that it takes to read it.

use std::fmt;
use std::sync::Arc;

use kube::core::{DynamicObject, TypeMeta};
use serde_json::{Map, Value, json};

use crate::destination::{Resolution, Target};
use crate::kept::Kept;
use crate::render::depends_on::DependsOn;
use crate::render::overrides::{Overrides, Which};
use crate::render::variables;
use crate::{Cluster, ClusterKey, ClusterKind, FluxKind, KubeconfigRef, Owner, PolicyPlan};

/// An object without what differs from target to target.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The object's kind.
    pub kind: FluxKind,
    /// The field of the Application that its `spec` comes from.
    pub origin: Origin,
    places: Places,
    /// The part of the spec that is the same everywhere.
    spec: Map<String, Value>,
    overrides: Overrides,
    depends_on: DependsOn,
    kept: Kept,
}

/// What makes a template an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The object's name.
    pub name: String,
    /// The cluster that it is about.
    pub target: Target,
}

/// The field of an Application that a template's `spec` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// `spec.source.<field>`.
    Source(&'static str),
    /// `spec.syncPolicies[index].<field>`.
    Policy {
        /// The policy's place in the list, from 0.
        index: usize,
        /// `kustomization` or `helm`.
        field: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(field) => write!(f, "spec.source.{field}"),
            Self::Policy { index, field } => write!(f, "spec.syncPolicies[{index}].{field}"),
        }
    }
}

/// Where a template's objects are, and what they are called there.
#[derive(Clone, Debug, PartialEq)]
enum Places {
    /// One object, of the Application's name.
    Source { name: String },
    /// One object per cluster that can be reached.
    Clusters { policy: String, destination: String, resolution: Arc<Resolution> },
}

/// What of a rendered object Fleetgate fills in, and which field decides it.
const FILLED: [(&str, Decides); 4] = [
    (".sourceRef", Decides::Source),
    (".chart.spec.sourceRef", Decides::Source),
    (".chartRef", Decides::Source),
    (".kubeConfig", Decides::Destination),
];

/// Which part of an Application decides what is filled in.
#[derive(Clone, Copy)]
enum Decides {
    Source,
    Destination,
}

impl Template {
    /// The template of the source, whose object has the Application's name.
    pub(crate) fn of_source(
        kind: FluxKind,
        field: &'static str,
        name: String,
        spec: Map<String, Value>,
    ) -> Self {
        Self {
            kind,
            origin: Origin::Source(field),
            places: Places::Source { name },
            spec,
            overrides: Overrides::default(),
            depends_on: DependsOn::default(),
            kept: Kept::default(),
        }
    }

    /// The template of a policy.
    pub(crate) fn of_policy(
        (kind, origin): (FluxKind, Origin),
        policy: &PolicyPlan,
        spec: Map<String, Value>,
        overrides: Overrides,
        depends_on: DependsOn,
    ) -> Self {
        let PolicyPlan { name, destination, resolution, .. } = policy;
        let places = Places::Clusters {
            policy: name.clone(),
            destination: destination.clone(),
            resolution: Arc::clone(resolution),
        };
        Self { kind, origin, places, spec, overrides, depends_on, kept: Kept::default() }
    }

    /// From now on its objects, and those that they depend on, keep these names.
    pub(crate) fn keep(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// The policy that it delivers; `None` for the source.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.policy_and_destination().map(|(policy, _)| policy)
    }

    fn policy_and_destination(&self) -> Option<(&str, &str)> {
        match &self.places {
            Places::Source { .. } => None,
            Places::Clusters { policy, destination, .. } => Some((policy, destination)),
        }
    }

    /// One object each, in the order of the targets; worked out as they are asked for.
    pub fn bindings(&self) -> impl Iterator<Item = Binding> {
        let (source, clusters) = match &self.places {
            Places::Source { name } => (Some(name), None),
            Places::Clusters { policy, resolution, .. } => (None, Some((policy, resolution))),
        };
        let source = source.map(|name| Binding { name: name.clone(), target: Target::Host });
        let reachable = clusters.into_iter().flat_map(move |(policy, resolution)| {
            resolution.reachable().map(move |target| self.bind(policy, target))
        });
        source.into_iter().chain(reachable)
    }

    /// The object that `binding` makes of this template.
    #[must_use]
    pub fn render(&self, binding: &Binding, owner: &Owner) -> DynamicObject {
        let mut spec = self.spec.clone();
        self.fill(&mut spec, &binding.target, Which::Matching(&binding.target));
        DynamicObject {
            types: Some(TypeMeta { api_version: self.kind.api_version(), kind: self.kind.kind().to_owned() }),
            metadata: owner.metadata(binding.name.clone(), self.policy_and_destination()),
            // Not by the macro, which would copy the spec.
            data: Value::Object(Map::from_iter([("spec".to_owned(), Value::Object(spec))])),
        }
    }

    /// An object that stands for all of the template's in a schema check: of the
    /// first target, or of a made-up one while there is none, with every
    /// override in it, whatever cluster that is for. What is wrong with one of
    /// the objects is wrong with it: overrides add to a spec, and take nothing away.
    /// Of the metadata it has the name, which is all that a CRD may judge.
    #[must_use]
    pub fn into_sample(mut self, owner: &Owner) -> Value {
        let binding = self.bindings().next();
        let Binding { name, target } = binding
            .unwrap_or_else(|| self.bind(self.policy().unwrap_or_default(), &made_up(&owner.namespace)));
        let mut spec = std::mem::take(&mut self.spec);
        self.fill(&mut spec, &target, Which::All);
        let mut object = json!({
            "apiVersion": self.kind.api_version(), "kind": self.kind.kind(),
            "metadata": {"name": name, "namespace": owner.namespace},
        });
        if let Value::Object(fields) = &mut object {
            fields.insert("spec".to_owned(), Value::Object(spec));
        }
        object
    }

    /// The field of the Application that a field of the [sample](Self::into_sample)
    /// comes from: `spec.path` is `spec.syncPolicies[0].kustomization.path`, and
    /// a patch may be an override's.
    #[must_use]
    pub fn trace(&self, path: &str) -> String {
        if below(path, "metadata.name").is_some() {
            return self.of_policy_or("name", "metadata.name");
        }
        let Some(rest) = below(path, "spec") else {
            return self.origin.to_string();
        };
        if let Some((_, decides)) = FILLED.into_iter().find(|(field, _)| below(rest, field).is_some()) {
            return match decides {
                Decides::Source => "spec.source".to_owned(),
                Decides::Destination => self.of_policy_or("destination", "spec.destination"),
            };
        }
        match self.overrides.trace(rest, &self.spec) {
            Some(field) => self.of_policy_or(&field, &field),
            None => format!("{}{rest}", self.origin),
        }
    }

    /// The policies that `target` would depend on if they went there.
    pub fn left_out<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a str> {
        self.depends_on.left_out(target)
    }

    fn of_policy_or(&self, field: &str, otherwise: &str) -> String {
        match self.origin {
            Origin::Policy { index, .. } => format!("spec.syncPolicies[{index}].{field}"),
            Origin::Source(_) => otherwise.to_owned(),
        }
    }

    /// Makes the spec of a template that of the object for `target`.
    fn fill(&self, spec: &mut Map<String, Value>, target: &Target, which: Which<'_>) {
        self.overrides.apply(spec, which);
        self.depends_on.fill(spec, target, which, &self.kept);
        if let Target::Member(cluster) = target {
            variables::fill(spec, cluster, self.kind);
            fill_kubeconfig(spec, cluster);
        }
    }

    fn bind(&self, policy: &str, target: &Target) -> Binding {
        Binding { name: self.kept.child_name(policy, target), target: target.clone() }
    }
}

fn fill_kubeconfig(spec: &mut Map<String, Value>, cluster: &Cluster) {
    if let Some(kubeconfig) = &cluster.kubeconfig {
        let reference = json!({"name": kubeconfig.secret, "key": kubeconfig.key});
        spec.insert("kubeConfig".into(), json!({ "secretRef": reference }));
    }
}

/// A cluster that could be anyone's, for a template that goes nowhere yet.
fn made_up(namespace: &str) -> Target {
    let (name, kind) = ("cluster".to_owned(), ClusterKind::AttachedCluster);
    Target::Member(Arc::new(Cluster {
        kubeconfig: Some(KubeconfigRef { secret: name.clone(), key: "value".to_owned() }),
        key: ClusterKey { namespace: namespace.to_owned(), kind, name },
        labels: [].into(),
        lets_go: false,
    }))
}

/// What of `path` comes after `head`, if it leads through it.
fn below<'a>(path: &'a str, head: &str) -> Option<&'a str> {
    path.strip_prefix(head).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
