//! Rules about cluster selectors.

pub mod removal;

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_plan::Resolution;
use fleetgate_plan::destination::{Placement, placement};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::ResourceExt;

use super::destination::destinations;
use super::{DENIES, Example, FleetInput, Input, Rule, WARNS};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// `selector/syntax`
pub const SYNTAX: Rule = Rule {
    code: "selector/syntax",
    severities: DENIES,
    what: "A label key or value that no object can carry, an unknown operator, `In` or `NotIn` without values, `Exists` or `DoesNotExist` with values, or requirements that contradict each other.",
    why: "It would select nothing for ever.",
    example: Example::new(
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "In"}]}}"#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["test"]}]}}"#,
    ),
};

/// `selector/empty`
pub const EMPTY: Rule = Rule {
    code: "selector/empty",
    severities: WARNS,
    what: "A selector without any requirement.",
    why: "It selects every cluster of the fleet; a Fleet's own every cluster of the namespace.",
    example: Example::new(
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {}}}"#,
        r#"spec.destination.fleet: "quickstart""#,
    ),
};

/// `selector/no-match`
pub const NO_MATCH: Rule = Rule {
    code: "selector/no-match",
    severities: WARNS,
    what: "No cluster of the fleet matches today; the values that exist under the key are listed.",
    why: "Nothing is delivered until a cluster gets such labels.",
    example: Example::new(
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "staging"}}}"#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}"#,
    ),
};

/// What is wrong with a Fleet's own selector.
pub(super) fn check_fleet(input: FleetInput<'_>, findings: &mut Findings) {
    let Some(selector) = &input.fleet.spec.cluster_selector else { return };
    let path = FieldPath::spec().field("clusterSelector");
    if is_empty(selector) {
        let message = "has no requirement and selects every cluster of the namespace";
        let finding = Finding::warning(&EMPTY, path, Fault::Invalid, message);
        findings.push(finding.hint("leave it out to have the listed clusters alone"));
    } else {
        check_syntax(selector, &path, findings);
    }
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let mut faulty = false;
    for (path, destination) in destinations(input) {
        let Some(selector) = &destination.cluster_selector else {
            continue;
        };
        let path = path.field("clusterSelector");
        if is_empty(selector) {
            let message = "has no requirement and selects every cluster of the fleet";
            findings.push(
                Finding::warning(&EMPTY, path, Fault::Invalid, message).hint("leave it out if that is meant"),
            );
            continue;
        }
        let before = findings.count();
        check_syntax(selector, &path, findings);
        faulty |= findings.count() > before;
    }
    if !faulty {
        check_matches(input, findings);
        removal::check(input, findings);
    }
}

pub(super) fn is_empty(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty);
    labels && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}

const KEY_FORM: &str = "must be a label key: an optional DNS subdomain and '/', then at most 63 letters, digits, '-', '_' or '.'";
const VALUE_FORM: &str = "must be a label value: empty, or at most 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends";

fn invalid(path: FieldPath, value: &str, message: impl Into<String>) -> Finding {
    Finding::error(&SYNTAX, path, Fault::Invalid, message).value(value)
}

pub(super) fn check_syntax(selector: &LabelSelector, path: &FieldPath, findings: &mut Findings) {
    for (key, value) in selector.match_labels.iter().flatten() {
        let path = path.field("matchLabels");
        if !names::is_label_key(key) {
            findings.push(invalid(path.clone(), key, KEY_FORM));
        }
        if !names::is_label_value(value) {
            findings.push(invalid(
                path.key(key),
                value,
                format!("{VALUE_FORM}; no cluster can ever carry it"),
            ));
        }
    }
    for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
        check_requirement(requirement, &path.field("matchExpressions").index(index), findings);
    }
    check_contradictions(selector, path, findings);
}

fn check_requirement(requirement: &LabelSelectorRequirement, path: &FieldPath, findings: &mut Findings) {
    if !names::is_label_key(&requirement.key) {
        findings.push(invalid(path.field("key"), &requirement.key, KEY_FORM));
    }
    let values = requirement.values.as_deref().unwrap_or_default();
    let path_of_values = path.field("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => {
            let message = format!("must have values with operator {}", requirement.operator);
            findings.push(Finding::error(&SYNTAX, path_of_values.clone(), Fault::Required, message));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let message = format!("may not be set with operator {}", requirement.operator);
            findings.push(Finding::error(&SYNTAX, path_of_values.clone(), Fault::Forbidden, message));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => {
            let message = "must be In, NotIn, Exists or DoesNotExist";
            findings.push(
                Finding::error(&SYNTAX, path.field("operator"), Fault::NotSupported, message).value(other),
            );
        }
    }
    for (index, value) in values.iter().enumerate().filter(|(_, value)| !names::is_label_value(value)) {
        findings.push(invalid(path_of_values.index(index), value, VALUE_FORM));
    }
}

/// Requirements on one key that no cluster can meet together.
fn check_contradictions(selector: &LabelSelector, path: &FieldPath, findings: &mut Findings) {
    let mut demands: BTreeMap<&str, Vec<Demand<'_>>> = BTreeMap::new();
    for (key, value) in selector.match_labels.iter().flatten() {
        demands.entry(key).or_default().push(Demand::OneOf(BTreeSet::from([value.as_str()])));
    }
    for requirement in selector.match_expressions.iter().flatten() {
        demands.entry(&requirement.key).or_default().extend(Demand::of(requirement));
    }
    for (key, demands) in demands {
        if !is_satisfiable(demands.iter()) {
            let message = format!("has requirements on {key:?} that no cluster can meet together");
            findings.push(Finding::error(&SYNTAX, path.clone(), Fault::Invalid, message));
        }
    }
}

/// What one requirement asks of a key's value.
enum Demand<'a> {
    OneOf(BTreeSet<&'a str>),
    NoneOf(BTreeSet<&'a str>),
    Present,
    Absent,
}

impl<'a> Demand<'a> {
    fn of(requirement: &'a LabelSelectorRequirement) -> Option<Self> {
        let values: BTreeSet<&str> = requirement.values.iter().flatten().map(String::as_str).collect();
        match requirement.operator.as_str() {
            // Without values it is a fault of its own.
            "In" if !values.is_empty() => Some(Self::OneOf(values)),
            "NotIn" => Some(Self::NoneOf(values)),
            "Exists" => Some(Self::Present),
            "DoesNotExist" => Some(Self::Absent),
            _ => None,
        }
    }
}

fn is_satisfiable<'a>(demands: impl Iterator<Item = &'a Demand<'a>>) -> bool {
    let mut allowed: Option<BTreeSet<&str>> = None;
    let mut excluded: BTreeSet<&str> = BTreeSet::new();
    let (mut present, mut absent) = (false, false);
    for demand in demands {
        match demand {
            Demand::OneOf(values) => {
                present = true;
                allowed = Some(allowed.map_or_else(|| values.clone(), |known| &known & values));
            }
            Demand::NoneOf(values) => excluded.extend(values),
            Demand::Present => present = true,
            Demand::Absent => absent = true,
        }
    }
    let some_value_left = allowed.is_none_or(|allowed| allowed.difference(&excluded).next().is_some());
    some_value_left && !(present && absent)
}

/// For at most this many policies the labels that exist are looked through; it
/// costs as much as the fleet has clusters.
const MOST_HINTS: usize = 100;

fn check_matches(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let (mut default_is_said, mut said) = (false, 0);
    for (index, (policy, planned)) in spec.sync_policies.iter().zip(&input.plan.policies).enumerate() {
        let Placement::Fleet { fleet, selector: Some(selector), inherited } = placement(spec, policy) else {
            continue;
        };
        if is_empty(selector) || may_match(&planned.resolution) || (inherited && default_is_said) {
            continue;
        }
        default_is_said |= inherited;
        said += 1;
        let around = if inherited { FieldPath::spec() } else { FieldPath::policy(index) };
        let path = around.field("destination").field("clusterSelector");
        let message = format!("matches none of the clusters of Fleet {fleet:?} today");
        let finding = Finding::warning(&NO_MATCH, path, Fault::Invalid, message);
        let with_hint = said <= MOST_HINTS;
        findings.push(if with_hint {
            finding.hint(existing_labels(fleet, selector, input))
        } else {
            finding
        });
    }
}

/// A cluster that does not exist yet may well carry the labels.
fn may_match(resolution: &Resolution) -> bool {
    !resolution.targets.is_empty()
        || resolution.missing_fleet.is_some()
        || !resolution.missing_clusters.is_empty()
        || !resolution.faults.is_empty()
}

/// At most this many keys are looked up, each in every cluster of the fleet.
const LISTED_KEYS: usize = 5;

/// At most this many label values are listed.
const LISTED_VALUES: usize = 5;

/// What the fleet's clusters have under the selector's keys.
fn existing_labels(fleet: &str, selector: &LabelSelector, input: Input<'_>) -> String {
    let namespace = input.application.namespace().unwrap_or_default();
    let catalog = input.catalog;
    let members =
        catalog.fleet(&namespace, fleet).map(|entry| catalog.members(entry).clusters).unwrap_or_default();
    let labels = selector.match_labels.iter().flat_map(|labels| labels.keys());
    let expressions = selector.match_expressions.iter().flatten().map(|requirement| &requirement.key);
    let keys: BTreeSet<_> = labels.chain(expressions).collect();
    let more = keys.len().saturating_sub(LISTED_KEYS);
    let existing = keys.into_iter().take(LISTED_KEYS).map(|key| {
        let values: BTreeSet<&str> =
            members.iter().filter_map(|cluster| cluster.labels.get(key).map(String::as_str)).collect();
        if values.is_empty() {
            return format!("no cluster has a label {key}");
        }
        let listed: Vec<&str> = values.iter().copied().take(LISTED_VALUES).collect();
        let more = if values.len() > LISTED_VALUES { ", …" } else { "" };
        format!("{key} is {}{more}", listed.join(", "))
    });
    existing.chain((more > 0).then(|| format!("and {more} more"))).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
