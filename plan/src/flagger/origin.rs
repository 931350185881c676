//! The way back from a field of a rendered object to the field of the rollout
//! that it was made of, so that what a CRD refuses is reported where the user
//! can change it.

mod rows;

use std::fmt::Write as _;

use self::rows::Row;
use super::{MemberKind, MemberObject};

/// One step into an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A field of an object, or a key of a map.
    Field(&'a str),
    /// An item of a list.
    Index(usize),
}

impl MemberObject {
    /// The field of the rollout, written from the rollout on, that the field of
    /// this object at `path` is made of; if that is not known, the one of the
    /// nearest field around it. Empty if that is the rollout itself.
    #[must_use]
    pub fn origin(&self, path: &[Step<'_>]) -> String {
        let found =
            Row::of_kind(self.kind).iter().filter_map(|row| row.follow(path)).max_by_key(|found| found.depth);
        let Some(mut found) = found else { return String::new() };
        match (self.kind, self.items.first()) {
            (MemberKind::MetricTemplate, Some(metric)) => found.wild.insert(0, Step::Index(*metric)),
            (MemberKind::Canary, _) if found.row.made.starts_with("spec.analysis.match[]") => {
                self.put_match_back(&mut found.wild);
            }
            _ => {}
        }
        found.write(path)
    }

    /// Matches that are left out move those behind them.
    fn put_match_back(&self, wild: &mut [Step<'_>]) {
        if let Some(Step::Index(place)) = wild.first_mut()
            && let Some(original) = self.items.get(*place)
        {
            *place = *original;
        }
    }
}

/// A row that a path leads through.
struct Found<'a> {
    row: &'static Row,
    /// What stood in the place of each `[]` and `{}`.
    wild: Vec<Step<'a>>,
    /// How many steps of the path the row knows.
    depth: usize,
}

impl Row {
    fn follow<'a>(&'static self, path: &[Step<'a>]) -> Option<Found<'a>> {
        let mut wild = Vec::new();
        let mut depth = 0;
        for token in tokens(self.made) {
            match (token, path.get(depth)?) {
                ("[]", step @ Step::Index(_)) | ("{}", step @ Step::Field(_)) => wild.push(*step),
                (name, Step::Field(field)) if name == *field => {}
                _ => return None,
            }
            depth += 1;
        }
        Some(Found { row: self, wild, depth })
    }
}

impl Found<'_> {
    fn write(&self, path: &[Step<'_>]) -> String {
        let mut text = String::new();
        let mut wild = self.wild.iter();
        for token in tokens(self.row.of) {
            match token {
                "[]" | "{}" => wild.next().into_iter().for_each(|step| push(&mut text, *step)),
                name => push(&mut text, Step::Field(name)),
            }
        }
        let below = path.get(self.depth..).filter(|_| self.row.alike).unwrap_or_default();
        below.iter().for_each(|step| push(&mut text, *step));
        text
    }
}

/// `a.b[].c` as `a`, `b`, `[]`, `c`.
fn tokens(pattern: &'static str) -> impl Iterator<Item = &'static str> {
    pattern.split('.').flat_map(|part| {
        let name = part.trim_end_matches("[]").trim_end_matches("{}");
        [Some(name), part.get(name.len()..).filter(|wild| !wild.is_empty())].into_iter().flatten()
    })
}

/// As Kubernetes writes paths; a key that is no plain name stands in brackets.
fn push(text: &mut String, step: Step<'_>) {
    match step {
        Step::Index(index) => bracket(text, index),
        Step::Field(name) if name.contains(['.', '/', '[', ' ']) => bracket(text, name),
        Step::Field(name) => {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
}

fn bracket(text: &mut String, inner: impl std::fmt::Display) {
    // Writing to a text does not fail.
    let _ = write!(text, "[{inner}]");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fleetgate_api::rollout::Rollout;
    use serde_json::{Value, json};

    use super::super::test_fixtures::{find, rollout, try_objects};
    use super::*;
    use crate::Provider;

    /// A rollout with every field that the API has.
    fn everything(provider: &str) -> Rollout {
        let metadata = json!({"labels": {"a": "b"}, "annotations": {"example.com/a": "b"}});
        let text = json!({"exact": "a"});
        let headers = json!({"add": {"a": "b"}, "remove": ["c"], "set": {"d": "e"}});
        let reference = json!({"apiVersion": "v9", "name": "route"});
        let custom = json!({
            "provider": {
                "type": "prometheus", "address": "http://p", "region": "eu", "secretRef": {"name": "s"},
                "insecureSkipVerify": true,
            },
            "query": "1",
        });
        let routing = json!({
            "timeoutSeconds": 1, "gateways": ["a/b"], "hosts": ["h"], "host": "h", "protocol": "http",
            "ingressRef": reference, "routeRef": reference,
            "retries": {"attempts": 1, "perTryTimeout": "1s", "retryOn": "5xx"},
            "headers": {"request": headers, "response": headers},
            "corsPolicy": {
                "allowOrigins": [text], "allowOrigin": ["a"], "allowMethods": ["GET"], "allowHeaders": ["a"],
                "exposeHeaders": ["a"], "allowCredentials": true, "maxAge": "1h",
            },
            "canaryStrategy": {"maxWeight": 1, "stepWeight": 1, "stepWeights": [1], "stepWeightPromotion": 1},
            "analysisTimes": 1,
            "match": [
                {"uri": text},
                {"headers": {"a": text}, "queryParams": {"a": text}, "sourceLabels": {"a": "b"}},
            ],
        });
        let analysis = json!({
            "checkIntervalSeconds": 1, "checkFailedTimes": 1,
            "metrics": [
                {"name": "request-duration", "intervalSeconds": 1, "thresholdRange": {"min": 1.5, "max": 2.5}},
                {"name": "mine", "intervalSeconds": 1, "thresholdRange": {"min": 1.5, "max": 2.5}, "customMetric": custom},
            ],
            "webhooks": {"timeoutSeconds": 1, "command": ["a"]},
            "sessionAffinity": {"cookieName": "c", "maxAge": 1},
        });
        rollout(
            provider,
            json!({
                "testLoader": true, "primary": metadata, "preview": metadata,
                "rolloutPolicy": {
                    "trafficRouting": routing, "trafficAnalysis": analysis, "rolloutTimeoutSeconds": 1,
                    "skipTrafficAnalysis": true, "revertOnDeletion": true, "suspend": true,
                },
            }),
        )
    }

    /// Calls `visit` with the path of every value that holds no other.
    fn leaves<'a>(value: &'a Value, path: &mut Vec<Step<'a>>, visit: &mut impl FnMut(&[Step<'a>])) {
        let below: Vec<(Step<'a>, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key), value)).collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect()
            }
            _ => Vec::new(),
        };
        if below.is_empty() {
            visit(path);
        }
        for (step, value) in below {
            path.push(step);
            leaves(value, path, visit);
            path.pop();
        }
    }

    fn text(path: &[Step<'_>]) -> String {
        let mut text = String::new();
        path.iter().for_each(|step| push(&mut text, *step));
        text
    }

    /// The origins of everything that the provider's objects hold.
    fn origins(rollout: &Rollout) -> BTreeSet<String> {
        let mut origins = BTreeSet::new();
        for object in try_objects(rollout).expect("it renders") {
            let rendered = serde_json::to_value(object.render()).expect("it serialises");
            for part in ["metadata", "spec"].iter().filter(|part| rendered.get(**part).is_some()) {
                let root = &mut vec![Step::Field(part)];
                leaves(&rendered[*part], root, &mut |path| drop(origins.insert(object.origin(path))));
            }
        }
        origins
    }

    #[test]
    fn every_field_of_a_rollout_is_found_again() {
        // Neither is passed on, and without Service there is nothing of the first match.
        let left_out = ["rolloutPolicy.trafficRouting.match[0].uri.exact"];
        let mut found = BTreeSet::new();
        for provider in Provider::ALL {
            found.extend(origins(&everything(provider.as_str())));
        }
        let rollout = serde_json::to_value(everything("istio")).expect("it serialises");
        let mut lost = Vec::new();
        leaves(&rollout, &mut Vec::new(), &mut |path| {
            // A text to match, and all that a webhook or a template is made of, is found as a whole.
            let around = (1..=path.len()).map(|length| text(&path[..length]));
            let leaf = text(path);
            let whole = ["match[1].headers.a", "match[1].queryParams.a", "allowOrigins[0]"];
            let known = found.contains(&leaf)
                || around
                    .clone()
                    .any(|path| found.contains(&path) && whole.iter().any(|end| path.ends_with(end)));
            if !known && !left_out.contains(&leaf.as_str()) {
                lost.push(leaf);
            }
        });
        assert_eq!(lost, Vec::<String>::new());
    }

    #[test]
    fn every_origin_is_a_field_of_the_rollout() {
        for provider in Provider::ALL {
            let rollout = everything(provider.as_str());
            let value = serde_json::to_value(&rollout).expect("it serialises");
            let mut fields = BTreeSet::from([String::new()]);
            leaves(&value, &mut Vec::new(), &mut |path| {
                fields.extend((1..=path.len()).map(|length| text(&path[..length])));
            });
            let unknown: Vec<_> = origins(&rollout).difference(&fields).cloned().collect();
            // What Kuma is told about the Service's port is no annotation that the user wrote.
            let kumas: Vec<_> = ["primary", "preview"]
                .map(|field| format!("{field}.annotations[9898.service.kuma.io/protocol]"))
                .into_iter()
                .filter(|_| provider == Provider::Kuma)
                .collect();
            let mut kumas_sorted = kumas;
            kumas_sorted.sort();
            assert_eq!(unknown, kumas_sorted, "{provider}");
        }
    }

    #[test]
    fn a_fault_leads_back_to_where_the_user_can_change_it() {
        use Step::{Field, Index};
        let canary = find(&everything("istio"), MemberKind::Canary).remove(0);
        let spec = |path: &[Step<'static>]| {
            let path: Vec<_> = [Field("spec")].iter().chain(path).copied().collect();
            canary.origin(&path)
        };
        let analysis = "rolloutPolicy.trafficAnalysis";
        let routing = "rolloutPolicy.trafficRouting";
        let table = [
            (
                spec(&[Field("analysis"), Field("metrics"), Index(1), Field("interval")]),
                format!("{analysis}.metrics[1].intervalSeconds"),
            ),
            (
                spec(&[Field("analysis"), Field("metrics"), Index(0), Field("thresholdRange"), Field("max")]),
                format!("{analysis}.metrics[0].thresholdRange.max"),
            ),
            // The first match was left out.
            (
                spec(&[
                    Field("analysis"),
                    Field("match"),
                    Index(0),
                    Field("headers"),
                    Field("x.y"),
                    Field("regex"),
                ]),
                format!("{routing}.match[1].headers[x.y]"),
            ),
            (
                spec(&[Field("analysis"), Field("webhooks"), Index(2), Field("metadata"), Field("cmd")]),
                format!("{analysis}.webhooks.command[2]"),
            ),
            (
                spec(&[Field("analysis"), Field("stepWeights"), Index(3)]),
                format!("{routing}.canaryStrategy.stepWeights[3]"),
            ),
            (spec(&[Field("analysis")]), analysis.to_owned()),
            (
                spec(&[Field("service"), Field("gatewayRefs"), Index(0), Field("namespace")]),
                format!("{routing}.gateways[0]"),
            ),
            (
                spec(&[Field("service"), Field("primary"), Field("annotations"), Field("a.b/c")]),
                "primary.annotations[a.b/c]".to_owned(),
            ),
            (spec(&[Field("service"), Field("nowhere")]), String::new()),
            (spec(&[]), String::new()),
        ];
        for (origin, expected) in table {
            assert_eq!(origin, expected);
        }
        let template = find(&everything("istio"), MemberKind::MetricTemplate).remove(0);
        assert_eq!(
            template.origin(&[Field("spec"), Field("provider"), Field("type")]),
            format!("{analysis}.metrics[1].customMetric.provider.type")
        );
    }
}
