//! What becomes of a child that exists: is it planned, was it taken out, or
//! has nobody decided anything about it?
//!
//! What was explicitly removed goes at once: a policy that left the spec, a
//! cluster that left the Fleet or the selector. What is only missing stays: a
//! Fleet or a cluster that does not exist at the moment, credentials that are
//! not there, a selector that cannot be read. So does what somebody else made.

use std::collections::{BTreeMap, BTreeSet};

use crate::{FluxKind, Plan, PolicyPlan, Target, Template, names};

/// What becomes of a child that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The plan has it.
    Planned,
    /// The plan does not have it, and nobody decided that it should go.
    Held,
    /// It was taken out.
    Removed,
}

/// What a child that exists was made for, by what it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// It does not say: somebody else wrote it, as Kurator did before.
    Unknown,
    /// To fetch the Application's source.
    Source,
    /// To deliver the policy of that name.
    Policy(&'a str),
}

impl<'a> Purpose<'a> {
    /// Of the child of that kind, by its annotations of the policy and of what was applied.
    #[must_use]
    pub fn new(kind: FluxKind, policy: Option<&'a str>, applied: Option<&'a str>) -> Self {
        match policy {
            Some(policy) => Self::Policy(policy),
            None if kind.is_source() && applied.is_some() => Self::Source,
            None => Self::Unknown,
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
        let is_held = match purpose {
            // What it delivers is in use, and nobody has said what it is.
            Purpose::Unknown => true,
            Purpose::Source => self.plan.source.is_none(),
            Purpose::Policy(policy) => {
                self.policies.get(policy).is_some_and(|standing| is_held(standing, name))
            }
        };
        if is_held { Fate::Held } else { Fate::Removed }
    }
}

fn is_held(policy: &PolicyPlan, name: &str) -> bool {
    let resolution = &policy.resolution;
    if policy.template.is_none() || !resolution.is_decided() {
        return true;
    }
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

    /// What becomes of the child for `m2`, of that of a policy that is gone, and of the source.
    fn fates(spec: Value, scenario: Scenario) -> [Fate; 3] {
        let plan = Plan::of(&application(spec), &scenario.catalog());
        let fates = Fates::of(&plan);
        [
            fates.look_up(FluxKind::Kustomization, M2, Purpose::Policy("web")),
            fates.look_up(FluxKind::Kustomization, "old-attachedcluster-m1", Purpose::Policy("old")),
            fates.look_up(FluxKind::GitRepository, "shop", Purpose::Source),
        ]
    }

    #[test]
    fn what_is_missing_is_held_and_what_was_taken_out_goes() {
        use Fate::{Held, Planned, Removed};
        let all = || spec(json!(null), json!({}));
        let only_test = spec(json!({"matchLabels": {"env": "test"}}), json!({}));
        let nobody = spec(json!({"matchLabels": {"env": "prod"}}), json!({}));
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
        let mut other_kind = all();
        other_kind["syncPolicies"][0]["kustomization"] = json!(null);
        other_kind["syncPolicies"][0]["helm"] = json!({"interval": "5m"});
        let both = |scenario: Scenario| scenario.fleet("quickstart", &["m1", "m2"]);
        let table = [
            ("both belong", all(), both(fleet()), [Planned, Removed, Planned]),
            ("m2 left the Fleet", all(), fleet().fleet("quickstart", &["m1"]), [Removed, Removed, Planned]),
            ("m2 left the selector", only_test, both(fleet()), [Removed, Removed, Planned]),
            ("the selector finds nobody", nobody, both(fleet()), [Held, Removed, Planned]),
            ("the selector cannot be read", unreadable, both(fleet()), [Held, Removed, Planned]),
            ("the Fleet does not exist", all(), fleet(), [Held, Removed, Planned]),
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
            ("a chart instead", other_kind, both(fleet()), [Removed, Removed, Planned]),
        ];
        for (what, spec, scenario, expected) in table {
            assert_eq!(fates(spec, scenario), expected, "{what}");
        }
    }

    #[test]
    fn what_somebody_else_made_is_held_unless_it_is_planned() {
        let spec = spec(json!(null), json!({}));
        let plan = Plan::of(&application(spec), &fleet().fleet("quickstart", &["m1", "m2"]).catalog());
        let fates = Fates::of(&plan);
        let table = [
            (FluxKind::Kustomization, M2, Fate::Planned),
            (FluxKind::Kustomization, "web-attachedcluster-m3", Fate::Held),
            (FluxKind::GitRepository, "shop", Fate::Planned),
            (FluxKind::OciRepository, "shop", Fate::Held),
        ];
        for (kind, name, expected) in table {
            assert_eq!(fates.look_up(kind, name, Purpose::Unknown), expected, "{kind:?} {name}");
        }
    }
}
