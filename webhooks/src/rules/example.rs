//! The examples of the rules' documentation.
//!
//! An example is written as the fields that matter, a line each, as
//! `path: value` with the value in JSON; `null` takes the field out. Its lines
//! are set on an object that is valid otherwise, and a test shows that the rule
//! speaks of the bad one and not of the good one.

use serde_json::{Value, json};

use crate::field_path::{FieldPath, Segment};
use crate::schema::Kind;

/// What a rule finds something in, and how that is put right.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What is stored before, for a rule about updates; otherwise empty.
    pub stored: &'static str,
    /// What stands among the same files, for a rule about them; otherwise empty.
    pub beside: &'static str,
    /// What the rule finds something in.
    pub bad: &'static str,
    /// The same, put right.
    pub good: &'static str,
}

impl Example {
    /// An example of a rule that needs no stored object.
    #[must_use]
    pub const fn new(bad: &'static str, good: &'static str) -> Self {
        Self { stored: "", beside: "", bad, good }
    }

    /// An example of a rule about updates.
    #[must_use]
    pub const fn update(stored: &'static str, bad: &'static str, good: &'static str) -> Self {
        Self { stored, beside: "", bad, good }
    }

    /// An example of a rule about several objects of the same files.
    #[must_use]
    pub const fn beside(beside: &'static str, bad: &'static str, good: &'static str) -> Self {
        Self { stored: "", beside, bad, good }
    }
}

/// The object that holds nothing but an example's lines.
#[must_use]
pub fn fragment(lines: &str) -> Value {
    let mut object = json!({});
    set_lines(&mut object, lines);
    object
}

/// The kind that a code's rule is about.
#[must_use]
pub fn kind_of(code: &str) -> Kind {
    match code.split_once('/') {
        Some(("fleet", _) | ("ref", "cluster")) => Kind::Fleet,
        Some(("cluster", _)) => Kind::AttachedCluster,
        _ => Kind::Application,
    }
}

fn set_lines(object: &mut Value, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((path, value)) = line.split_once(": ") else {
            continue;
        };
        let (Ok(path), Ok(value)) = (path.parse::<FieldPath>(), serde_json::from_str(value)) else {
            continue;
        };
        set(object, path.segments(), value);
    }
}

fn set(object: &mut Value, path: &[Segment], value: Value) {
    match path {
        [] => *object = value,
        [Segment::Field(name), rest @ ..] => {
            if !object.is_object() {
                *object = json!({});
            }
            if let Value::Object(fields) = object {
                if rest.is_empty() && value.is_null() {
                    fields.remove(&**name);
                } else {
                    set(fields.entry(name.clone()).or_insert(Value::Null), rest, value);
                }
            }
        }
        [Segment::Index(index), rest @ ..] => {
            if !object.is_array() {
                *object = json!([]);
            }
            if let Value::Array(items) = object {
                if items.len() <= *index {
                    items.resize(index + 1, Value::Null);
                }
                if let Some(item) = items.get_mut(*index) {
                    set(item, rest, value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::rules::CATALOGUE;
    use crate::rules::destination::HOST_FORBIDDEN;
    use crate::rules::object;
    use crate::test_fixtures::{catalog_with, credentials, fleet_object, git_source, kustomization};
    use fleetgate_plan::{Catalog, Tenancy};

    /// A valid object of the kind that the code is about.
    fn base(code: &str) -> Value {
        let subject = match (kind_of(code), code) {
            (Kind::Fleet, _) => "fleet",
            (_, "schema/Canary" | "schema/MetricTemplate") => "rollout",
            (_, code) => code.split_once('/').map_or(code, |(subject, _)| subject),
        };
        let metadata = json!({"name": "shop", "namespace": "default"});
        let (group, kind, spec) = match subject {
            "fleet" => (
                "fleet.kurator.dev",
                "Fleet",
                json!({"clusters": [{"kind": "AttachedCluster", "name": "m1"}, {"kind": "AttachedCluster", "name": "m2"}]}),
            ),
            "cluster" => (
                "cluster.kurator.dev",
                "AttachedCluster",
                json!({"kubeconfig": {"name": "m1", "key": "value"}}),
            ),
            "helm" => (
                "apps.kurator.dev",
                "Application",
                json!({
                    "source": {"helmRepository": {"url": "https://charts.example.com", "interval": "5m"}},
                    "destination": {"fleet": "quickstart"},
                    "syncPolicies": [{"name": "web", "helm": {"interval": "5m", "chart": {"spec": {"chart": "podinfo"}}}}],
                }),
            ),
            "rollout" => (
                "apps.kurator.dev",
                "Application",
                json!({
                    "source": git_source(), "destination": {"fleet": "quickstart"},
                    "syncPolicies": [{"name": "web", "kustomization": kustomization(), "rollout": rollout()}],
                }),
            ),
            _ => (
                "apps.kurator.dev",
                "Application",
                json!({
                    "source": git_source(),
                    "syncPolicies": [{"kustomization": kustomization()}],
                }),
            ),
        };
        json!({"apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": metadata, "spec": spec})
    }

    fn rollout() -> Value {
        json!({
            "trafficRoutingProvider": "nginx", "serviceName": "backend", "port": 9898, "testLoader": true,
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend", "namespace": "webapp"},
            "rolloutPolicy": {
                "trafficRouting": {"host": "app.example.com", "canaryStrategy": {"maxWeight": 50, "stepWeight": 10}},
                "trafficAnalysis": {
                    "checkIntervalSeconds": 90, "checkFailedTimes": 2,
                    "metrics": [{"name": "request-success-rate", "intervalSeconds": 90, "thresholdRange": {"min": 99}}],
                    "webhooks": {"timeoutSeconds": 60, "command": ["hey -z 1m -q 10 -c 2 http://backend-canary.webapp:9898/"]},
                },
            },
        })
    }

    fn with(code: &str, lines: &str) -> Value {
        let mut object = base(code);
        set_lines(&mut object, lines);
        object
    }

    #[test]
    fn every_line_is_a_path_and_a_value() {
        for rule in CATALOGUE {
            let Example { stored, beside, bad, good } = rule.example;
            for lines in [stored, beside, bad, good] {
                for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                    let (path, value) =
                        line.split_once(": ").unwrap_or_else(|| panic!("{}: {line}", rule.code));
                    assert!(
                        path.parse::<FieldPath>().is_ok_and(|parsed| parsed.to_string() == path),
                        "{line}"
                    );
                    assert!(serde_json::from_str::<Value>(value).is_ok(), "{}: {line}", rule.code);
                }
            }
        }
    }

    /// With a Fleet for rollouts, and Applications that keep `quickstart` in use
    /// and have taken a name.
    fn catalog_in_use() -> Catalog {
        let other = json!({"destination": {"fleet": "quickstart"}, "syncPolicies": [{"name": "other"}]});
        let owner = json!({"syncPolicies": [{"name": "taken", "kustomization": kustomization()}]});
        let mut catalog = catalog_with(&[("other", other), ("owner", owner)]);
        let plugin = json!({"flagger": {"trafficRoutingProvider": "nginx", "publicTestloader": true}});
        let rollouts = fleet_object("rollouts", json!({"plugin": plugin}));
        catalog.insert_fleet(&serde_json::from_value(rollouts).expect("a Fleet"));
        catalog
    }

    #[test]
    fn every_example_shows_its_rule() {
        for rule in CATALOGUE {
            let example = rule.example;
            let stored = (!example.stored.is_empty()).then(|| with(rule.code, example.stored));
            let said = |lines: &str| {
                let object = with(rule.code, lines);
                let tenancy =
                    Tenancy { no_host_destination: rule.code == HOST_FORBIDDEN.code, ..Tenancy::default() };
                let (kind, catalog) = (kind_of(rule.code), catalog_in_use().with_tenancy(tenancy));
                let mut findings = judge(kind, object.clone(), stored.as_ref(), &catalog).findings;
                findings.extend(crate::unknown::unknown_fields(kind, &object).into_vec());
                let name = object["metadata"]["name"].clone();
                if !example.beside.is_empty() && with(rule.code, example.beside)["metadata"]["name"] == name {
                    findings.push(object::duplicate(name, "a.yaml:4"));
                }
                findings.extend(crate::deletion::check(kind, &object, &catalog));
                findings.extend(crate::credentials::check(kind, &object, &credentials().complete()));
                findings
            };
            let bad = said(example.bad);
            assert!(bad.iter().any(|finding| finding.code == rule.code), "{} bad: {bad:#?}", rule.code);
            let good = said(example.good);
            assert!(good.iter().all(|finding| finding.code != rule.code), "{} good: {good:#?}", rule.code);
        }
    }
}
