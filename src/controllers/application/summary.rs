//! The one thing that an Application's Ready condition says, and what stands
//! beside it.

use std::collections::BTreeSet;

use fleetgate_api::ConditionReason;
use fleetgate_api::names::ANNOTATION_ORPHAN;
use fleetgate_plan::{ClusterKind, Plan, PolicyPlan, Target, Template, Undelivered};

use super::observed::Observed;
use crate::controllers::conditions::Summary;
use crate::flux_state::{Phase, State};

/// At most this many names are listed in a message.
pub(super) const LISTED_NAMES: usize = 5;

/// The one thing to say first, by urgency: what nobody but a person can mend,
/// then what failed, then what takes its time.
pub(super) fn summary(plan: &Plan, observed: &Observed, ready: usize, total: usize) -> Summary {
    if let Some(invalid) = Summary::invalid(&observed.findings) {
        return invalid;
    }
    if let Some(worst) =
        observed.failures.iter().min_by_key(|failure| failure.reason != ConditionReason::Conflict)
    {
        let of_reason = observed.failures.iter().filter(|failure| failure.reason == worst.reason);
        let messages: Vec<String> = of_reason.map(|failure| failure.message.clone()).collect();
        return Summary::new(worst.reason, listed(&messages));
    }
    let source = plan.source.iter().flat_map(|template| states(template, observed));
    let source: Vec<(String, State)> = source.collect();
    if let Some(failed) = worst(&source, Phase::Failed) {
        return Summary::new(ConditionReason::SourceFailed, failed);
    }
    let children = plan.policies.iter().filter_map(|policy| policy.template.as_ref());
    let children: Vec<(String, State)> = children.flat_map(|template| states(template, observed)).collect();
    if let Some(failed) = worst(&children, Phase::Failed) {
        return Summary::new(ConditionReason::DeliveryFailed, failed);
    }
    if let Some(missing) = missing(plan, observed) {
        return missing;
    }
    let suspended = suspended(source.iter().chain(&children));
    if let Some(waiting) = worst(&source, Phase::Progressing) {
        let message = format!("waiting for the source: {waiting}{suspended}");
        return Summary::new(ConditionReason::Progressing, message);
    }
    let counted = format!("{ready}/{total} clusters ready{suspended}");
    if ready < total || worst(&children, Phase::Progressing).is_some() {
        return Summary::new(ConditionReason::Progressing, counted);
    }
    Summary::new(ConditionReason::Succeeded, counted)
}

/// What is delivered without a part of it, if anything is.
pub(super) fn undelivered(plan: &Plan) -> Option<Summary> {
    let part = |part: &Undelivered| {
        let Undelivered { path, what } = part;
        format!(
            "{path}: this version of Fleetgate delivers the policy without {what}: a new version goes to all of its workload at once"
        )
    };
    let parts: Vec<String> = plan.undelivered.iter().map(part).collect();
    (!parts.is_empty()).then(|| Summary::new(ConditionReason::NotSupported, listed(&parts)))
}

/// What is named on the host and is not there, if anything is.
pub(super) fn missing_references(observed: &Observed) -> Option<Summary> {
    let messages: Vec<String> = observed.missing.iter().map(ToString::to_string).collect();
    (!messages.is_empty()).then(|| Summary::new(ConditionReason::ReferenceNotFound, listed(&messages)))
}

/// What is not removed until someone confirms it, if anything is.
pub(super) fn held(observed: &Observed) -> Option<Summary> {
    let held = observed.held.as_ref()?;
    Some(Summary::new(ConditionReason::PruneHeld, &*held.message))
}

/// How the objects of a template fare, each by kind and name.
fn states(template: &Template, observed: &Observed) -> impl Iterator<Item = (String, State)> {
    template.bindings().map(|binding| {
        let name = format!("{} {}", template.kind.kind(), binding.name);
        (name, observed.state(template.kind, &binding.name))
    })
}

/// What the objects in that phase say, if there are any.
fn worst(states: &[(String, State)], phase: Phase) -> Option<String> {
    let of_phase = states.iter().filter(|(_, state)| state.phase == phase);
    let messages: Vec<String> = of_phase.map(|(name, state)| format!("{name}: {}", state.message)).collect();
    (!messages.is_empty()).then(|| listed(&messages))
}

/// What Flux leaves alone because somebody told it to. As with Flux's own
/// objects that is no failure: what was applied before is as ready as it was.
fn suspended<'a>(states: impl Iterator<Item = &'a (String, State)>) -> String {
    let names: Vec<String> =
        states.filter(|(_, state)| state.suspended).map(|(name, _)| name.clone()).collect();
    if names.is_empty() { String::new() } else { format!("; suspended: {}", listed(&names)) }
}

/// What happens to what is there already while something is in doubt.
const KEPT: &str = "what was delivered before is kept";

/// What happens to what is there already while a policy goes nowhere, where there is anything.
const HELD: &str = "; what was delivered before is held until its removal is confirmed";

/// What a destination names and what does not exist, or cannot be understood.
fn missing(plan: &Plan, observed: &Observed) -> Option<Summary> {
    let held = if observed.held.is_some() { HELD } else { "" };
    let not_found = |what: String| Some(Summary::new(ConditionReason::DestinationNotFound, what));
    let resolutions = || plan.policies.iter().map(|policy| &policy.resolution);
    if let Some(fleet) = resolutions().find_map(|resolution| resolution.missing_fleet.as_ref()) {
        let namespace = &plan.owner.namespace;
        return not_found(format!("there is no Fleet {fleet:?} in namespace {namespace:?}{held}"));
    }
    let faults: BTreeSet<&String> = resolutions().flat_map(|resolution| &resolution.faults).collect();
    if !faults.is_empty() {
        let faults: Vec<String> = faults.into_iter().cloned().collect();
        return not_found(format!("cannot be understood: {}; {KEPT}", listed(&faults)));
    }
    let missing = resolutions().flat_map(|resolution| &resolution.missing_clusters).map(ToString::to_string);
    let unusable = plan.policies.iter().flat_map(unusable);
    let clusters: Vec<String> = missing.chain(unusable).collect::<BTreeSet<_>>().into_iter().collect();
    if !clusters.is_empty() {
        return not_found(format!(
            "the Fleet lists clusters that do not exist or cannot be used: {}; {KEPT}",
            listed(&clusters)
        ));
    }
    let empty = plan.policies.iter().filter(|policy| policy.resolution.targets.is_empty());
    let empty: Vec<String> = empty.map(|policy| format!("{:?}", policy.name)).collect();
    let selects = match &empty[..] {
        [] => return None,
        [_] => "policy",
        _ => "policies",
    };
    let message = format!("no cluster is selected by {selects} {}{held}", listed(&empty));
    Some(Summary::new(ConditionReason::NoClusters, message))
}

/// The targets of a policy that have no credentials, each with why.
fn unusable(policy: &PolicyPlan) -> impl Iterator<Item = String> {
    let targets = policy.resolution.targets.iter().filter(|target| !target.is_reachable());
    targets.map(|target| match target {
        Target::Member(cluster) if cluster.key.kind == ClusterKind::AttachedCluster => {
            let name = &cluster.key.name;
            format!(
                "{name} (names no kubeconfig Secret, or lets go of what was delivered: {ANNOTATION_ORPHAN})"
            )
        }
        Target::Host | Target::Member(_) => format!("{} (names no kubeconfig Secret)", target.name()),
    })
}

/// The first few of `names`, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    listed_as(names, String::clone)
}

/// As many of `names` as go into so many bytes, and how many more there are.
pub(super) fn listed_within(names: &[String], bytes: usize) -> String {
    let fits = |used: &mut usize, name: &String| {
        *used += name.len() + 2;
        Some(*used <= bytes)
    };
    let shown = names.iter().scan(0, fits).take_while(|fits| *fits).count();
    listed_to(names, shown.max(1), String::clone)
}

/// The same of what is named by `name`: nothing else is asked for its name.
pub(super) fn listed_as<T>(all: &[T], name: impl Fn(&T) -> String) -> String {
    listed_to(all, LISTED_NAMES, name)
}

fn listed_to<T>(all: &[T], most: usize, name: impl Fn(&T) -> String) -> String {
    let shown = all.iter().take(most).map(name).collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(most) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_names_as_there_is_room_for() {
        let names: Vec<String> = ["one", "two", "three"].map(str::to_owned).into();
        let table = [
            (0, "one and 2 more"),
            (9, "one and 2 more"),
            (10, "one, two and 1 more"),
            (17, "one, two, three"),
        ];
        for (bytes, expected) in table {
            assert_eq!(listed_within(&names, bytes), expected, "{bytes}");
        }
    }
}
