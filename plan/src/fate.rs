//! What becomes of a child that exists: is it planned, was it taken out, is it
//! lost, or can nobody tell?
//!
//! What was explicitly removed goes at once: a policy that left the spec, another
//! kind of source or of policy, a destination that was edited. What is not planned
//! although nobody edited anything is lost: a label, a Fleet or a cluster changed,
//! and how much that may take away is [`crate::prune`]'s to judge. What is only
//! missing stays: a cluster that does not exist at the moment, credentials that
//! are not there, a selector that cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_DESTINATION, ANNOTATION_POLICY};

use crate::{FluxKind, Plan, PolicyPlan, Target, Template, names};

/// What becomes of a child that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The plan has it.
    Planned,
    /// The plan does not have it, and whether it should go cannot be told.
    Held,
    /// The plan does not have it, by nobody's decision.
    Lost,
    /// It was taken out.
    Removed,
}

/// What a child that exists was made for, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose<'a> {
    /// It does not say: somebody else wrote it, as Kurator did before.
    Unknown,
    /// To fetch the Application's source.
    Source,
    /// To deliver a policy.
    Policy {
        /// The policy's name.
        name: &'a str,
        /// What tells the destination that it was made for from others, if it says so.
        destination: Option<&'a str>,
    },
}

impl<'a> Purpose<'a> {
    /// Of the child of that kind, by its annotations.
    #[must_use]
    pub fn new(kind: FluxKind, annotation: impl Fn(&str) -> Option<&'a str>) -> Self {
        match annotation(ANNOTATION_POLICY) {
            Some(name) => Self::Policy { name, destination: annotation(ANNOTATION_DESTINATION) },
            None if kind.is_source() && annotation(ANNOTATION_APPLIED).is_some() => Self::Source,
            None => Self::Unknown,
        }
    }

    /// The policy that it was made for.
    #[must_use]
    pub const fn policy(self) -> Option<&'a str> {
        match self {
            Self::Policy { name, .. } => Some(name),
            Self::Unknown | Self::Source => None,
        }
    }
}

/// The fates of an Application's children, looked up by kind, name and purpose.
#[derive(Debug)]
pub struct Fates<'a> {
    plan: &'a Plan,
    planned: BTreeSet<(FluxKind, String)>,
    policies: BTreeMap<&'a str, &'a PolicyPlan>,
}

impl<'a> Fates<'a> {
    /// Of the children of the plan's Application.
    #[must_use]
    pub fn of(plan: &'a Plan) -> Self {
        let named =
            |template: &'a Template| template.bindings().map(move |binding| (template.kind, binding.name));
        let policies = plan.policies.iter().rev().map(|policy| (policy.name.as_str(), policy));
        Self { plan, planned: plan.templates().flat_map(named).collect(), policies: policies.collect() }
    }

    /// Of the child of that kind and name, made for that purpose.
    #[must_use]
    pub fn look_up(&self, kind: FluxKind, name: &str, purpose: Purpose<'_>) -> Fate {
        if self.planned.contains(&(kind, name.to_owned())) {
            return Fate::Planned;
        }
        match purpose {
            Purpose::Source if self.plan.source.is_some() => Fate::Removed,
            Purpose::Source => Fate::Held,
            Purpose::Unknown => self.of_unknown(kind, name),
            Purpose::Policy { name: policy, destination } => match self.policies.get(policy) {
                Some(standing) => fate(standing, kind, name, destination),
                None => Fate::Removed,
            },
        }
    }

    /// What it delivers is in use, and nobody has said what it is: that it goes
    /// is nobody's decision, whichever policy it may have been made for.
    fn of_unknown(&self, kind: FluxKind, name: &str) -> Fate {
        let is_held = |policy: &&PolicyPlan| fate(policy, kind, name, None) == Fate::Held;
        if self.plan.source.is_none() || self.policies.values().any(is_held) {
            Fate::Held
        } else {
            Fate::Lost
        }
    }
}

/// Of a child of a policy that stands and does not plan it.
fn fate(policy: &PolicyPlan, kind: FluxKind, name: &str, destination: Option<&str>) -> Fate {
    let Some(template) = &policy.template else { return Fate::Held };
    if !policy.resolution.faults.is_empty() || is_out_of_reach(policy, name) {
        return Fate::Held;
    }
    let is_moved = destination.is_some_and(|destination| destination != policy.destination);
    let is_decided = is_moved || template.kind != kind;
    // Nobody decides to deliver nowhere without taking the policy out.
    if is_decided && policy.resolution.is_decided() { Fate::Removed } else { Fate::Lost }
}

/// Whether a child of that name would be planned if its cluster existed, or had credentials.
fn is_out_of_reach(policy: &PolicyPlan, name: &str) -> bool {
    let resolution = &policy.resolution;
    let without_credentials = resolution.targets.iter().filter_map(|target| match target {
        Target::Member(cluster) if !target.is_reachable() => Some(&cluster.key),
        _ => None,
    });
    let mut held = resolution.missing_clusters.iter().chain(without_credentials);
    held.any(|cluster| names::is_child_of(name, &policy.name, cluster))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use crate::test_fixtures::{Scenario, application};
    use serde_json::{Value, json};

    const M2: &str = "web-attachedcluster-m2";

    fn spec(selector: Value, extra: Value) -> Value {
        let mut policy = json!({
            "name": "web", "destination": {"fleet": "quickstart", "clusterSelector": selector},
            "kustomization": {"interval": "5m", "prune": true},
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            policy[key] = value.clone();
        }
        json!({"source": {"gitRepository": {"url": "https://e.com", "interval": "5m"}}, "syncPolicies": [policy]})
    }

    fn fleet() -> Scenario {
        Scenario::new().cluster("m1", &[("env", "test")]).cluster("m2", &[("env", "dev")])
    }

    /// What tells the destination of `web` in a spec.
    fn destination(spec: &Value) -> String {
        Plan::of(&application(spec.clone()), &Catalog::default()).policies[0].destination.clone()
    }

    /// What becomes of the child for `m2`, of that of a policy that is gone, and
    /// of the source; the child was made for the destination of `before`.
    fn fates(before: &Value, after: Value, scenario: Scenario) -> [Fate; 3] {
        let plan = Plan::of(&application(after), &scenario.catalog());
        let fates = Fates::of(&plan);
        let destination = destination(before);
        let made_for = |name| Purpose::Policy { name, destination: Some(&destination) };
        [
            fates.look_up(FluxKind::Kustomization, M2, made_for("web")),
            fates.look_up(FluxKind::Kustomization, "old-attachedcluster-m1", made_for("old")),
            fates.look_up(FluxKind::GitRepository, "shop", Purpose::Source),
        ]
    }

    fn both(scenario: Scenario) -> Scenario {
        scenario.fleet("quickstart", &["m1", "m2"])
    }

    #[test]
    fn what_nobody_edited_is_lost_or_held_and_never_removed() {
        use Fate::{Held, Lost, Planned, Removed};
        let all = || spec(json!(null), json!({}));
        let by = |env: &str| spec(json!({"matchLabels": {"env": env}}), json!({}));
        let unreadable = spec(json!({"matchExpressions": [{"key": "env", "operator": "in"}]}), json!({}));
        let rollout = spec(
            json!(null),
            json!({"rollout": {
                "port": 80, "serviceName": "s", "trafficRoutingProvider": "istio", "workload": {"name": "w"}, "rolloutPolicy": {},
            }}),
        );
        let mut other_source = all();
        other_source["source"] = json!({"ociRepository": {"url": "oci://e.com/a", "interval": "5m"}});
        let mut no_source = all();
        no_source["source"] = json!({});
        let table = [
            ("both belong", all(), both(fleet()), [Planned, Removed, Planned]),
            ("m2 left the Fleet", all(), fleet().fleet("quickstart", &["m1"]), [Lost, Removed, Planned]),
            ("m2 has another label", by("test"), both(fleet()), [Lost, Removed, Planned]),
            ("the selector finds nobody", by("prod"), both(fleet()), [Lost, Removed, Planned]),
            ("the selector cannot be read", unreadable, both(fleet()), [Held, Removed, Planned]),
            ("the Fleet does not exist", all(), fleet(), [Lost, Removed, Planned]),
            ("the Fleet is empty", all(), fleet().fleet("quickstart", &[]), [Lost, Removed, Planned]),
            ("m2 does not exist", all(), both(Scenario::new().cluster("m1", &[])), [Held, Removed, Planned]),
            (
                "m2 has no kubeconfig",
                all(),
                both(Scenario::new().cluster("m1", &[]).cluster_without_kubeconfig("m2")),
                [Held, Removed, Planned],
            ),
            (
                "the Fleet cannot be read",
                all(),
                fleet().fleet_of_kind("quickstart", "m1", "Nonsense"),
                [Held, Removed, Planned],
            ),
            ("a rollout is added", rollout, both(fleet()), [Planned, Removed, Planned]),
            ("another source", other_source, both(fleet()), [Planned, Removed, Removed]),
            ("no source", no_source, both(fleet()), [Held, Removed, Held]),
        ];
        for (what, spec, scenario, expected) in table {
            assert_eq!(fates(&spec.clone(), spec, scenario), expected, "{what}");
        }
    }

    #[test]
    fn what_was_moved_on_purpose_is_removed_unless_it_goes_nowhere() {
        use Fate::{Held, Lost, Removed};
        let before = spec(json!(null), json!({}));
        let by = |env: &str| spec(json!({"matchLabels": {"env": env}}), json!({}));
        let mut to_the_host = before.clone();
        to_the_host["syncPolicies"][0]["destination"] = json!(null);
        let mut a_chart = before.clone();
        a_chart["syncPolicies"][0]["kustomization"] = json!(null);
        a_chart["syncPolicies"][0]["helm"] = json!({"interval": "5m"});
        let mut elsewhere = before.clone();
        elsewhere["syncPolicies"][0]["destination"]["fleet"] = json!("other");
        let other = |scenario: Scenario| both(scenario).fleet("other", &["m1"]);
        let missing = |scenario: Scenario| scenario.fleet("other", &["m1", "m2"]);
        let table = [
            ("a narrower selector", by("test"), both(fleet()), Removed),
            ("a selector that finds nobody", by("prod"), both(fleet()), Lost),
            ("the host", to_the_host, both(fleet()), Removed),
            ("a chart instead", a_chart.clone(), both(fleet()), Removed),
            ("a chart instead, and nowhere to go", a_chart, fleet().fleet("quickstart", &[]), Lost),
            ("another Fleet", elsewhere.clone(), other(fleet()), Removed),
            ("another Fleet, which does not exist", elsewhere.clone(), both(fleet()), Lost),
            (
                "another Fleet, of which no cluster has a kubeconfig",
                elsewhere.clone(),
                both(fleet()).cluster_without_kubeconfig("m3").fleet("other", &["m3"]),
                Lost,
            ),
            ("another Fleet, of a missing m2", elsewhere, missing(Scenario::new().cluster("m1", &[])), Held),
        ];
        for (what, after, scenario, expected) in table {
            assert_eq!(fates(&before, after, scenario)[0], expected, "{what}");
        }
    }

    #[test]
    fn what_does_not_say_where_it_was_meant_to_go_was_not_moved() {
        let spec = spec(json!({"matchLabels": {"env": "test"}}), json!({}));
        let plan = Plan::of(&application(spec), &both(fleet()).catalog());
        let purpose = Purpose::Policy { name: "web", destination: None };
        assert_eq!(Fates::of(&plan).look_up(FluxKind::Kustomization, M2, purpose), Fate::Lost);
    }

    #[test]
    fn what_somebody_else_made_is_lost_unless_it_is_planned() {
        let spec = spec(json!(null), json!({}));
        let plan = Plan::of(&application(spec), &fleet().fleet("quickstart", &["m1", "m2", "m4"]).catalog());
        let fates = Fates::of(&plan);
        let table = [
            (FluxKind::Kustomization, M2, Fate::Planned),
            (FluxKind::Kustomization, "web-attachedcluster-m3", Fate::Lost),
            (FluxKind::Kustomization, "web-attachedcluster-m4", Fate::Held),
            (FluxKind::GitRepository, "shop", Fate::Planned),
            (FluxKind::OciRepository, "shop", Fate::Lost),
        ];
        for (kind, name, expected) in table {
            assert_eq!(fates.look_up(kind, name, Purpose::Unknown), expected, "{kind:?} {name}");
        }
    }
}
