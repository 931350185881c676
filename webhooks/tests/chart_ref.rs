//! A release of an OCI artifact has no place for what describes a chart: of each
//! field of it either something is rendered, or something is said.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use fleetgate_plan::{Catalog, Plan};
use fleetgate_webhooks::{FieldPath, Kind, judge};
use serde_json::{Value, json};

/// A text that is a name and a duration, too.
const TEXT: &str = "7m";

/// Every field below `schema` with a value that is not its default.
fn walk(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let mut is_leaf = true;
    for (name, field) in fields {
        is_leaf = false;
        walk(field, &format!("{path}/{name}"), found);
    }
    if is_leaf {
        found.push((path.to_owned(), value_of(schema)));
    }
}

fn value_of(schema: &Value) -> Value {
    let not_default = |value: &&Value| **value != schema["default"];
    let listed = schema["enum"].as_array().and_then(|values| values.iter().find(not_default));
    match (listed, schema["type"].as_str()) {
        (Some(value), _) => value.clone(),
        (None, Some("array")) => json!([TEXT]),
        (None, Some("object")) => json!({ TEXT: TEXT }),
        (None, Some("boolean")) => json!(true),
        _ => json!(TEXT),
    }
}

fn fields() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let spec = &Kind::Application.schema().root()["properties"]["spec"];
    let policy = &spec["properties"]["syncPolicies"]["items"];
    walk(&policy["properties"]["helm"]["properties"]["chart"], "/chart", &mut found);
    found
}

/// A release of a chart of that source of which that one field is set.
fn with(source: &str, pointer: &str, value: &Value) -> Value {
    let source = json!({ source: {"url": "oci://ghcr.io/o/web", "interval": "5m"} });
    let mut chart = json!({"spec": {}});
    let mut place = &mut chart;
    for step in pointer.split('/').skip(2) {
        place = &mut place[step];
    }
    *place = value.clone();
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "default"},
        "spec": {"source": source, "syncPolicies": [{"helm": {"interval": "5m", "chart": chart}}]},
    })
}

fn is_rendered(object: &Value, pointer: &str, value: &Value) -> bool {
    let application = serde_json::from_value(object.clone()).expect("an Application");
    let plan = Plan::of(&application, &Catalog::default());
    let template = plan.policies[0].template.clone().expect("a template");
    template.into_sample(&plan.owner)["spec"].pointer(pointer) == Some(value)
}

/// Whether something is said of the field, or of what it is part of.
fn is_said(object: &Value, pointer: &str) -> bool {
    let path = format!("spec.syncPolicies[0].helm{}", pointer.replace('/', "."));
    let path: FieldPath = path.parse().expect("a path");
    let verdict = judge(Kind::Application, object.clone(), None, &Catalog::default());
    let chart: FieldPath = "spec.syncPolicies[0].helm.chart".parse().expect("a path");
    let mut paths = verdict.findings.iter().map(|finding| &finding.path);
    paths.any(|said| said.is_within(&chart) && path.is_within(said))
}

#[test]
fn nothing_of_a_chart_is_dropped_without_a_word() {
    let fields = fields();
    assert!(fields.len() > 9, "{fields:?}");
    for (pointer, value) in fields {
        let object = with("ociRepository", &pointer, &value);
        assert!(
            is_rendered(&object, &pointer, &value) || is_said(&object, &pointer),
            "{pointer}: say of a new field that it has no effect with an ociRepository, or render it"
        );
        let object = with("helmRepository", &pointer, &value);
        assert!(is_rendered(&object, &pointer, &value), "{pointer} is a field of Flux's");
    }
}
