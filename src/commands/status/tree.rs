//! The tree of one Application: what is planned, and how it fares. Pure.

use std::collections::BTreeMap;

use fleetgate_api::{Application, ConditionType};
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::prune::{Existing, confirming_command};
use fleetgate_plan::{Catalog, Fate, Fates, FluxKind, Plan, PolicyPlan, Target};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::core::Selector;

use super::node::{Health, Node};
use crate::flux_state::State;
use crate::stored::{Child, keeping_names};

/// What the cluster objects say of themselves where they are not ready, by
/// namespace, kind and name.
pub(super) type Troubles = BTreeMap<(String, String, String), String>;

/// The tree of `application`, whose objects are among `children`.
pub(super) fn tree(
    application: &Application,
    catalog: &Catalog,
    children: &[Child],
    troubles: &Troubles,
) -> Node {
    let plan = keeping_names(Plan::of(application, catalog), children);
    let uid = application.uid();
    let ours = || children.iter().filter(|child| child.is_of(uid.as_deref()));
    let existing: Vec<Existing<'_>> = ours().filter(|child| !child.is_going()).map(Child::existing).collect();
    let mut objects = Objects::of(ours());
    let source = plan.source.as_ref().map(|source| objects.take(source.kind, &plan.owner.name, None));
    let fetched = source.as_ref().and_then(|source| source.revision.clone());
    let below: Vec<Node> = application
        .spec
        .sync_policies
        .iter()
        .zip(&plan.policies)
        .map(|(policy, planned)| Node {
            destination: Some(destination(placement(&application.spec, policy))),
            ..policy_node(planned, &mut objects, fetched.as_deref(), troubles)
        })
        .collect();
    let left = objects.left(&Fates::of(&plan, &existing), plan.is_held);
    let planned = match source {
        Some(source) => vec![Node { children: below, ..source }],
        None => below,
    };
    Node { children: planned.into_iter().chain(left).collect(), ..root(application) }
}

/// The Application as its own status has it.
fn root(application: &Application) -> Node {
    let status = application.status.clone().unwrap_or_default();
    let is_current = status.observed_generation == application.metadata.generation;
    let condition = |wanted: ConditionType| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == wanted.as_str() && condition.status == "True")
    };
    let ready = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str());
    let state = if application.metadata.deletion_timestamp.is_some() {
        Health::Deleting
    } else if !is_current || ready.is_none() {
        Health::Progressing
    } else if condition(ConditionType::Ready).is_some() {
        Health::Ready
    } else if condition(ConditionType::Reconciling).is_some() {
        Health::Progressing
    } else {
        Health::Failed
    };
    let said = ready.filter(|_| is_current).map(|ready| said(ready, state));
    let namespace = application.namespace().unwrap_or_default();
    let confirmed_by =
        status.held.map(|held| confirming_command(&application.name_any(), &namespace, &held.digest));
    Node {
        namespace: application.namespace(),
        confirmed_by,
        ready: status.ready,
        message: Some(said.unwrap_or_else(|| "waiting for the controller".to_owned())),
        created: application.creation_timestamp().map(|time| time.0),
        ..Node::new("Application", application.name_any(), state)
    }
}

fn said(ready: &Condition, state: Health) -> String {
    let Condition { reason, message, .. } = ready;
    if state == Health::Ready { message.clone() } else { format!("{reason}: {message}") }
}

/// Where a policy goes, as kubectl's `-l` would have its selector.
fn destination(placement: Placement<'_>) -> String {
    match placement {
        Placement::Host => "the host".to_owned(),
        Placement::FleetMissing => "no fleet".to_owned(),
        Placement::Fleet { fleet, selector, .. } => {
            let selector = selector.and_then(|selector| Selector::try_from(selector.clone()).ok());
            let selector = selector.map(|selector| selector.to_string()).filter(|text| !text.is_empty());
            selector.map_or_else(|| fleet.to_owned(), |selector| format!("{fleet}, {selector}"))
        }
    }
}

fn policy_node(
    policy: &PolicyPlan,
    objects: &mut Objects<'_>,
    fetched: Option<&str>,
    troubles: &Troubles,
) -> Node {
    let bound = policy
        .template
        .iter()
        .flat_map(|template| template.bindings().map(|binding| (template.kind, binding)));
    let mut clusters: Vec<Node> = bound
        .map(|(kind, binding)| {
            let object = objects.take(kind, &binding.name, fetched);
            cluster_node(&binding.target, vec![object], troubles)
        })
        .collect();
    let resolution = &policy.resolution;
    let failed = |kind: &str, name: &str, message: &str| Node {
        message: Some(message.to_owned()),
        ..Node::new(kind, name, Health::Failed)
    };
    for target in resolution.targets.iter().filter(|target| !target.is_reachable()) {
        clusters.push(failed(kind_of(target), target.name(), "names no kubeconfig Secret"));
    }
    for key in &resolution.missing_clusters {
        clusters.push(failed(key.kind.as_str(), &key.name, "does not exist"));
    }
    let total = clusters.len();
    let ready = clusters.iter().filter(|cluster| cluster.state == Health::Ready).count();
    let mut node = Node::over("Policy", policy.name.clone(), clusters);
    if let Some(reason) = nowhere(policy) {
        node.state = Health::Failed;
        node.message = Some(reason);
    }
    Node { ready: Some(format!("{ready}/{total}")), ..node }
}

/// Why a policy goes to no cluster at all, or perhaps not to all that are meant.
fn nowhere(policy: &PolicyPlan) -> Option<String> {
    let resolution = &policy.resolution;
    if let Some(fleet) = &resolution.missing_fleet {
        return Some(format!("there is no Fleet {fleet:?}"));
    }
    if let Some(fault) = resolution.faults.first() {
        return Some(fault.clone());
    }
    resolution.targets.is_empty().then(|| "no cluster that exists is selected".to_owned())
}

fn kind_of(target: &Target) -> &'static str {
    match target {
        Target::Host => "Host",
        Target::Member(cluster) => cluster.key.kind.as_str(),
    }
}

/// A cluster that cannot be reached is why nothing goes on there.
fn cluster_node(target: &Target, objects: Vec<Node>, troubles: &Troubles) -> Node {
    let (kind, name) = (kind_of(target), target.name());
    let node = Node::over(kind, name, objects);
    let trouble = match target {
        Target::Host => None,
        Target::Member(cluster) => {
            troubles.get(&(cluster.key.namespace.clone(), kind.to_owned(), name.to_owned()))
        }
    };
    match trouble {
        Some(trouble) => Node { state: Health::Failed, message: Some(trouble.clone()), ..node },
        None => node,
    }
}

/// An Application's Flux objects, of which each is shown once.
struct Objects<'a> {
    left: BTreeMap<(FluxKind, String), &'a Child>,
}

impl<'a> Objects<'a> {
    fn of(children: impl Iterator<Item = &'a Child>) -> Self {
        Self { left: children.map(|child| ((child.kind, child.object.name_any()), child)).collect() }
    }

    /// The object of that kind and name, which is to be at that revision.
    fn take(&mut self, kind: FluxKind, name: &str, fetched: Option<&str>) -> Node {
        let Some(child) = self.left.remove(&(kind, name.to_owned())) else {
            let message = Some("waiting for the controller".to_owned());
            return Node { message, ..Node::new(kind.kind(), name, Health::Progressing) };
        };
        let mut state = State::of(kind, &child.object);
        if kind == FluxKind::Kustomization {
            state.expect_revision(fetched);
        }
        node(child, &state)
    }

    /// What the plan does not have, the source last; some of it may be held.
    fn left(self, fates: &Fates<'_>, is_held: bool) -> Vec<Node> {
        let left = self.left.into_iter().rev().map(|((kind, name), child)| {
            let (state, message) = match fates.look_up(kind, &name, child.purpose()) {
                _ if child.is_going() => (Health::Deleting, State::of(kind, &child.object).message),
                Fate::Lost if is_held => {
                    (Health::Kept, "is not planned, and held until its removal is confirmed".to_owned())
                }
                Fate::Lost | Fate::Removed => (Health::Deleting, "is not planned any more".to_owned()),
                Fate::Planned | Fate::Held => {
                    (Health::Kept, "is not planned, and kept until someone decides".to_owned())
                }
            };
            Node { state, message: Some(message), ..node(child, &State::absent()) }
        });
        left.collect()
    }
}

fn node(child: &Child, state: &State) -> Node {
    let health = if child.is_going() { Health::Deleting } else { Health::of(state) };
    Node {
        revision: state.revision.clone(),
        message: Some(state.message.clone()),
        created: child.object.creation_timestamp().map(|time| time.0),
        ..Node::new(child.kind.kind(), child.object.name_any(), health)
    }
}
