//! What became of an Application, as its status: a pure function of the plan
//! and of what was observed.

use std::collections::BTreeMap;

use fleetgate_api::{
    Application, ApplicationStatus, ClusterStatus, ConditionReason, DestinationStatus, PolicyStatus,
    SourceStatus,
};
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::{FluxKind, Plan, PolicyPlan, Target};
use fleetgate_webhooks::{Finding, Severity};
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use kube::core::Selector;

use crate::controllers::conditions::Summary;

/// At most this many clusters are listed one by one, those in trouble first: a
/// thousand clusters never outgrow an object.
const LISTED_CLUSTERS: usize = 50;
/// At most this many names are listed in a message.
const LISTED_NAMES: usize = 5;

/// What a reconcile saw.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// What the rules say of the Application today.
    pub(super) findings: Vec<Finding>,
    /// What could not be written.
    pub(super) failures: Vec<Summary>,
    /// How the planned objects fare, by kind and name.
    pub(super) states: BTreeMap<(FluxKind, String), State>,
}

impl Observed {
    /// Whether no rule denies the Application.
    pub(super) fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    fn state(&self, kind: FluxKind, name: &str) -> State {
        self.states.get(&(kind, name.to_owned())).cloned().unwrap_or_else(State::absent)
    }
}

/// How a Flux object fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) message: String,
    pub(super) revision: Option<String>,
}

/// The three things that a Flux object can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    Progressing,
    Failed,
}

impl State {
    /// Written, and nothing heard of yet.
    pub(super) fn absent() -> Self {
        Self { phase: Phase::Progressing, message: "waiting for Flux".to_owned(), revision: None }
    }

    /// Reads Flux's conditions, which follow kstatus.
    pub(super) fn of(object: &DynamicObject) -> Self {
        let status = object.data.get("status");
        let text =
            |pointer: &str| status.and_then(|status| status.pointer(pointer)?.as_str()).map(str::to_owned);
        let revision = text("/artifact/revision").or_else(|| text("/lastAppliedRevision"));
        let observed = status.and_then(|status| status.get("observedGeneration")?.as_i64());
        let condition = |type_: &str| {
            let conditions =
                status.and_then(|status| status.get("conditions")?.as_array()).into_iter().flatten();
            conditions
                .into_iter()
                .find(|condition| condition.get("type").and_then(|found| found.as_str()) == Some(type_))
        };
        let is = |type_: &str, value: &str| {
            condition(type_).and_then(|found| found.get("status")?.as_str()) == Some(value)
        };
        let phase = if object.metadata.deletion_timestamp.is_some() || observed != object.metadata.generation
        {
            Phase::Progressing
        } else if is("Ready", "True") {
            Phase::Ready
        } else if is("Ready", "False") && !is("Reconciling", "True") {
            Phase::Failed
        } else {
            Phase::Progressing
        };
        let message = condition("Ready").and_then(|ready| ready.get("message")?.as_str());
        Self { phase, message: message.unwrap_or("waiting for Flux").to_owned(), revision }
    }
}

/// The status of an Application that is there to be delivered.
pub(super) fn of(
    application: &Application,
    plan: &Plan,
    observed: &Observed,
    now: Timestamp,
) -> ApplicationStatus {
    let clusters = clusters(plan, observed);
    let ready = clusters.iter().filter(|cluster| cluster.ready).count();
    let total = clusters.len();
    let summary = summary(plan, observed, ready, total);
    let before = application.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    ApplicationStatus {
        observed_generation: application.metadata.generation,
        conditions: summary.conditions(application.metadata.generation, before, now),
        source: source(plan, observed),
        destination: Some(destination(application)),
        ready: Some(format!("{ready}/{total}")),
        destinations: destinations(application, plan),
        policies: plan.policies.iter().map(|policy| policy_status(policy, observed)).collect(),
        omitted_clusters: i32::try_from(total.saturating_sub(LISTED_CLUSTERS))
            .ok()
            .filter(|omitted| *omitted > 0),
        clusters: clusters.into_iter().take(LISTED_CLUSTERS).collect(),
    }
}

/// The status of one that is on its way out.
pub(super) fn deleting(application: &Application, left: &[String], now: Timestamp) -> ApplicationStatus {
    let mut status = application.status.clone().unwrap_or_default();
    let message = format!("waiting for Flux to remove {}", listed(left));
    status.observed_generation = application.metadata.generation;
    status.conditions = Summary::new(ConditionReason::Deleting, message).conditions(
        application.metadata.generation,
        &status.conditions,
        now,
    );
    status
}

/// The one thing to say first, by urgency: what nobody but a person can mend,
/// then what failed, then what takes its time.
fn summary(plan: &Plan, observed: &Observed, ready: usize, total: usize) -> Summary {
    let errors: Vec<String> = observed
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    if !errors.is_empty() {
        return Summary::new(ConditionReason::InvalidSpec, errors.join("; "));
    }
    if let Some(worst) =
        observed.failures.iter().min_by_key(|failure| failure.reason != ConditionReason::Conflict)
    {
        let of_reason = observed.failures.iter().filter(|failure| failure.reason == worst.reason);
        let messages: Vec<String> = of_reason.map(|failure| failure.message.clone()).collect();
        return Summary::new(worst.reason, listed(&messages));
    }
    if !plan.undelivered.is_empty() {
        let parts = plan
            .undelivered
            .iter()
            .map(|part| format!("{}: this version of Fleetgate does not deliver {}", part.path, part.what));
        return Summary::new(ConditionReason::NotSupported, parts.collect::<Vec<_>>().join("; "));
    }
    if let Some(missing) = missing(plan) {
        return missing;
    }
    let policies = || plan.policies.iter().flat_map(|policy| policy.templates.iter());
    let states = |phase: Phase| {
        policies().flat_map(|template| &template.bindings).filter_map(move |binding| {
            let template = policies()
                .find(|template| template.bindings.iter().any(|other| other.name == binding.name))?;
            let state = observed.state(template.kind, &binding.name);
            (state.phase == phase)
                .then(|| format!("{} {}: {}", template.kind.kind(), binding.name, state.message))
        })
    };
    if let Some(source) = source(plan, observed)
        && let Some(template) = &plan.source
        && observed.state(template.kind, &source.name).phase == Phase::Failed
    {
        let message = source.message.unwrap_or_default();
        return Summary::new(
            ConditionReason::SourceFailed,
            format!("{} {}: {message}", source.kind, source.name),
        );
    }
    let failed: Vec<String> = states(Phase::Failed).collect();
    if !failed.is_empty() {
        return Summary::new(ConditionReason::DeliveryFailed, listed(&failed));
    }
    if ready < total || states(Phase::Progressing).next().is_some() {
        return Summary::new(ConditionReason::Progressing, format!("{ready}/{total} clusters ready"));
    }
    Summary::new(ConditionReason::Succeeded, format!("{ready}/{total} clusters ready"))
}

/// What a destination names and what does not exist.
fn missing(plan: &Plan) -> Option<Summary> {
    let resolutions = || plan.policies.iter().map(|policy| &policy.resolution);
    if let Some(fleet) = resolutions().find_map(|resolution| resolution.missing_fleet.as_ref()) {
        let message = format!("there is no Fleet {fleet:?} in namespace {:?}", plan.owner.namespace);
        return Some(Summary::new(ConditionReason::DestinationNotFound, message));
    }
    let mut clusters: Vec<String> =
        resolutions().flat_map(|resolution| &resolution.missing_clusters).map(ToString::to_string).collect();
    clusters.extend(
        plan.policies.iter().flat_map(unreachable).map(|name| format!("{name} (names no kubeconfig Secret)")),
    );
    clusters.sort();
    clusters.dedup();
    if !clusters.is_empty() {
        let message =
            format!("the Fleet lists clusters that do not exist or cannot be used: {}", listed(&clusters));
        return Some(Summary::new(ConditionReason::DestinationNotFound, message));
    }
    let empty = plan.policies.iter().find(|policy| policy.resolution.targets.is_empty())?;
    let message = format!("policy {:?} selects no cluster; what it delivered before is kept", empty.name);
    Some(Summary::new(ConditionReason::NoClusters, message))
}

/// The targets of a policy that have no credentials.
fn unreachable(policy: &PolicyPlan) -> impl Iterator<Item = &str> {
    let targets = policy.resolution.targets.iter();
    targets
        .filter(|target| matches!(target, Target::Member(cluster) if cluster.kubeconfig.is_none()))
        .map(Target::name)
}

fn source(plan: &Plan, observed: &Observed) -> Option<SourceStatus> {
    let template = plan.source.as_ref()?;
    let name = template.bindings.first()?.name.clone();
    let state = observed.state(template.kind, &name);
    Some(SourceStatus {
        kind: template.kind.kind().to_owned(),
        name,
        revision: state.revision,
        ready: state.phase == Phase::Ready,
        message: (state.phase != Phase::Ready).then_some(state.message),
    })
}

/// The destination in one word: the fleet, `host`, or both.
fn destination(application: &Application) -> String {
    let spec = &application.spec;
    let mut names: Vec<&str> = spec
        .sync_policies
        .iter()
        .map(|policy| match placement(spec, policy) {
            Placement::Fleet { fleet, .. } => fleet,
            Placement::Host => "host",
            Placement::FleetMissing => "-",
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

fn destinations(application: &Application, plan: &Plan) -> Vec<DestinationStatus> {
    let spec = &application.spec;
    let policies = spec.sync_policies.iter().zip(&plan.policies);
    policies
        .map(|(policy, planned)| {
            let policy_name = planned.name.clone();
            match placement(spec, policy) {
                Placement::Fleet { fleet, selector, inherited } => DestinationStatus {
                    policy: policy_name,
                    fleet: Some(fleet.to_owned()),
                    selector: selector
                        .and_then(|selector| Selector::try_from(selector.clone()).ok())
                        .map(|selector| selector.to_string()),
                    inherited: inherited.then_some(true),
                },
                Placement::Host | Placement::FleetMissing => {
                    DestinationStatus { policy: policy_name, ..DestinationStatus::default() }
                }
            }
        })
        .collect()
}

fn policy_status(policy: &PolicyPlan, observed: &Observed) -> PolicyStatus {
    let bindings: Vec<_> = policy
        .templates
        .iter()
        .flat_map(|template| template.bindings.iter().map(move |binding| (template.kind, binding)))
        .collect();
    let states: Vec<State> =
        bindings.iter().map(|(kind, binding)| observed.state(*kind, &binding.name)).collect();
    let ready = states.iter().filter(|state| state.phase == Phase::Ready).count();
    let trouble = states.iter().find(|state| state.phase == Phase::Failed);
    PolicyStatus {
        name: policy.name.clone(),
        kind: policy.templates.first().map_or_else(String::new, |template| template.kind.kind().to_owned()),
        ready: format!("{ready}/{}", policy.resolution.targets.len()),
        message: trouble.map(|state| state.message.clone()),
    }
}

/// Every cluster that something goes to, those in trouble first. A cluster is
/// ready when all that goes there is.
fn clusters(plan: &Plan, observed: &Observed) -> Vec<ClusterStatus> {
    let mut clusters: BTreeMap<(String, String), Vec<State>> = BTreeMap::new();
    for policy in &plan.policies {
        for target in &policy.resolution.targets {
            let kind = match target {
                Target::Host => "Host".to_owned(),
                Target::Member(cluster) => cluster.key.kind.to_string(),
            };
            let states = clusters.entry((target.name().to_owned(), kind)).or_default();
            let bound = policy.templates.iter().flat_map(|template| {
                template
                    .bindings
                    .iter()
                    .filter(|binding| binding.target == *target)
                    .map(|binding| observed.state(template.kind, &binding.name))
            });
            let before = states.len();
            states.extend(bound);
            if states.len() == before {
                states.push(State {
                    phase: Phase::Failed,
                    message: format!("policy {:?} is not delivered", policy.name),
                    revision: None,
                });
            }
        }
    }
    let mut clusters: Vec<(Phase, ClusterStatus)> = clusters
        .into_iter()
        .map(|((name, kind), states)| {
            let trouble = states.iter().find(|state| state.phase == Phase::Failed);
            let trouble = trouble.or_else(|| states.iter().find(|state| state.phase == Phase::Progressing));
            let status = ClusterStatus {
                name,
                kind,
                ready: trouble.is_none(),
                message: trouble.map(|state| state.message.clone()),
            };
            (trouble.map_or(Phase::Ready, |state| state.phase), status)
        })
        .collect();
    let urgency = |phase: Phase| match phase {
        Phase::Failed => 0,
        Phase::Progressing => 1,
        Phase::Ready => 2,
    };
    clusters.sort_by_key(|(phase, _)| urgency(*phase));
    clusters.into_iter().map(|(_, status)| status).collect()
}

/// The first few of `names`, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED_NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(LISTED_NAMES) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
