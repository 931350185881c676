//! The part of `rollout/one-per-workload`, `rollout/one-per-service` and
//! `rollout/metric-name` about what is made for one rollout and meant by
//! another: `<name>-primary`, `<service>-primary` and `-canary`, and
//! `MetricTemplate`s, which are called as their metrics are.

use std::collections::{HashMap, HashSet};

use fleetgate_api::rollout::Metric;
use fleetgate_plan::ClusterKey;
use fleetgate_plan::flagger::is_built_in;

use super::sharing::{Claim, ONE_PER_SERVICE, ONE_PER_WORKLOAD, clashes};
use super::{Subject, cluster_of};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::Input;
use crate::rules::metric::name::METRIC_NAME;

/// Says of each claim that its workload, or its Service, is one that Flagger makes for another.
pub(super) fn check(claims: &[Claim<'_>], findings: &mut Findings) {
    if claims.len() < 2 {
        return;
    }
    let workloads: HashMap<_, _> = claims.iter().map(|claim| (claim.workload, claim)).collect();
    let services: HashMap<_, _> =
        claims.iter().map(|claim| ((claim.workload.0, claim.service), claim)).collect();
    for claim in claims {
        let (namespace, name) = claim.workload;
        let of = name.strip_suffix("-primary").and_then(|head| workloads.get(&(namespace, head)));
        if let Some(path) = of.filter(|of| meet(of, claim)).and(claim.path.as_ref()) {
            let message = "is the copy that Flagger makes of the workload of another policy";
            let path = path.field("workload").field("name");
            findings.push(Finding::error(&ONE_PER_WORKLOAD, path, Fault::Duplicate, message).value(name));
        }
        let heads =
            ["-primary", "-canary"].into_iter().filter_map(|suffix| claim.service.strip_suffix(suffix));
        let of = heads.filter_map(|head| services.get(&(namespace, head))).find(|of| meet(of, claim));
        if let Some(path) = of.and(claim.path.as_ref()) {
            let message = "is a Service that Flagger makes for another policy";
            let path = path.field("serviceName");
            findings
                .push(Finding::error(&ONE_PER_SERVICE, path, Fault::Duplicate, message).value(claim.service));
        }
    }
}

/// Whether both go to a cluster.
fn meet(one: &Claim<'_>, other: &Claim<'_>) -> bool {
    let known: HashSet<Option<&ClusterKey>> = one.targets.iter().map(cluster_of).collect();
    other.targets.iter().any(|target| known.contains(&cluster_of(target)))
}

/// Says of each metric that another policy makes a different MetricTemplate of its name.
pub(super) fn check_templates<'a>(
    input: Input<'a>,
    subjects: impl Iterator<Item = Subject<'a>>,
    findings: &mut Findings,
) {
    let (mut claims, mut metrics) = (Vec::new(), HashMap::new());
    for subject in subjects {
        let targets =
            input.plan.policies.get(subject.index).map(|policy| policy.resolution.targets.as_slice());
        let (Some(workload), Some(targets)) = (subject.workload_key(), targets) else { continue };
        for (path, metric) in templates(subject) {
            metrics.insert(path.to_string(), metric);
            let by = format!("syncPolicies[{}]", subject.index);
            claims.push(Claim { by, path: Some(path), workload, service: &metric.name, targets });
        }
    }
    for (claim, first, target) in clashes(&claims, |claim| Some((claim.workload.0, claim.service))) {
        let template = |claim: &Claim<'_>| {
            let metric: &Metric = metrics.get(&claim.path.as_ref()?.to_string())?;
            metric.custom_metric.as_ref()
        };
        let is_of_one_policy = claim.by == first.by;
        let Some(path) =
            claim.path.clone().filter(|_| !is_of_one_policy && template(claim) != template(first))
        else {
            continue;
        };
        let message = format!(
            "{} makes another MetricTemplate of that name on cluster {:?}, and both would write it",
            first.by,
            target.name()
        );
        findings.push(
            Finding::error(&METRIC_NAME, path, Fault::Duplicate, message)
                .value(claim.service)
                .hint("give each a name of its own"),
        );
    }
}

/// The metrics of which templates are made, each with the path of its name.
fn templates(subject: Subject<'_>) -> impl Iterator<Item = (FieldPath, &Metric)> {
    let metrics = subject.analysis().and_then(|analysis| analysis.metrics.as_deref()).unwrap_or_default();
    let path = subject.analysis_path().field("metrics");
    let custom = metrics.iter().enumerate();
    let custom = custom.filter(|(_, metric)| metric.custom_metric.is_some() && !is_built_in(&metric.name));
    custom.map(move |(index, metric)| (path.index(index).field("name"), metric))
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{analysis, changed, codes, of_policies, policy};
    use super::*;
    use serde_json::{Value, json};

    fn said(one: &Value, other: &Value, selectors: [Value; 2]) -> String {
        let [first, second] = selectors;
        let policies = json!([policy("a", &changed(one), &first), policy("b", &changed(other), &second)]);
        codes(&[&ONE_PER_WORKLOAD, &ONE_PER_SERVICE, &METRIC_NAME], &of_policies(&policies), None)
    }

    fn rollout(name: &str, service: &str) -> Value {
        json!({"serviceName": service, "workload": {"name": name}})
    }

    fn env(value: &str) -> Value {
        json!({"matchLabels": {"env": value}})
    }

    #[test]
    fn what_flagger_makes_is_nobody_elses() {
        let table = [
            ("web-primary", "web", "E rollout/one-per-workload"),
            ("web", "backend-canary", "E rollout/one-per-service"),
            ("web", "backend-primary", "E rollout/one-per-service"),
            ("backend-primary", "web", "E rollout/one-per-workload"),
            ("web", "backend-api", ""),
            ("web-canary", "web", ""),
        ];
        for (name, service, expected) in table {
            let first = if name == "web-primary" { rollout("web", "api") } else { json!({}) };
            let everywhere = [json!(null), json!(null)];
            assert_eq!(said(&first, &rollout(name, service), everywhere), expected, "{name} {service}");
            assert_eq!(
                said(&first, &rollout(name, service), [env("test"), env("dev")]),
                "",
                "{name} {service}"
            );
        }
    }

    #[test]
    fn templates_of_one_name_are_one() {
        let with = |name: &str, namespace: &str, query: &str| {
            let provider = json!({"type": "prometheus", "address": "http://prometheus:9090"});
            let metric = json!({"name": "orders", "thresholdRange": {"max": 1}, "customMetric": {"provider": provider, "query": query}});
            let mut rollout = analysis(&json!({"metrics": [metric]}));
            json_patch::merge(&mut rollout, &rollout_of(name, namespace));
            rollout
        };
        let first = with("backend", "webapp", "up");
        let everywhere = || [json!(null), json!(null)];
        assert_eq!(said(&first, &with("web", "webapp", "up"), everywhere()), "");
        assert_eq!(said(&first, &with("web", "webapp", "down"), everywhere()), "E rollout/metric-name");
        assert_eq!(said(&first, &with("web", "webapp", "down"), [env("test"), env("dev")]), "");
        assert_eq!(said(&first, &with("web", "other", "down"), everywhere()), "");
    }

    fn rollout_of(name: &str, namespace: &str) -> Value {
        json!({"serviceName": name, "workload": {"name": name, "namespace": namespace}})
    }
}
