//! What every generated CRD must be like, whatever fields it has.

#![allow(clippy::unwrap_used, reason = "a test may end where it finds a surprise")]

use fleetgate_api::schema::{DURATION, SHORT_DURATION};
use fleetgate_api::{APPLICATION_ALIASES, crds};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// What `kubectl apply` can carry in its annotation, in bytes.
const APPLY_LIMIT: usize = 256 * 1024;

/// The schema of a CRD's only version.
fn schema(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    let [version] = crd.spec.versions.as_slice() else { unreachable!("one version each") };
    version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap()
}

/// Every property in a schema with its path, for example `spec.syncPolicies[].name`.
fn properties(schema: &JSONSchemaProps, path: &str) -> Vec<(String, JSONSchemaProps)> {
    let mut found = Vec::new();
    for (name, property) in schema.properties.iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push((path.clone(), property.clone()));
        found.extend(properties(property, &path));
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        found.extend(properties(item, &format!("{path}[]")));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        found.extend(properties(value, &format!("{path}{{}}")));
    }
    found
}

/// Asserts about every property of every kind but the ones that Kubernetes itself describes.
fn every_property(holds: impl Fn(&str, &JSONSchemaProps) -> bool, what: &str) {
    let broken: Vec<String> = crds()
        .iter()
        .flat_map(|crd| {
            let kind = &crd.spec.names.kind;
            properties(schema(crd), "")
                .into_iter()
                .map(move |(path, schema)| (format!("{kind} {path}"), schema))
        })
        .filter(|(path, _)| path.contains(" spec") || path.contains(" status"))
        .filter(|(path, schema)| !holds(path, schema))
        .map(|(path, _)| path)
        .collect();
    assert!(broken.is_empty(), "{what}:\n  {}", broken.join("\n  "));
}

fn last_name(path: &str) -> &str {
    path.rsplit(['.', ' ']).next().unwrap_or(path)
}

#[test]
fn kinds_come_in_a_stable_order() {
    let kinds: Vec<String> = crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    assert_eq!(kinds, ["Application", "Fleet", "AttachedCluster"]);
}

#[test]
fn every_kind_can_be_found_and_has_a_status() {
    for crd in crds() {
        let kind = crd.spec.names.kind.clone();
        assert_eq!(crd.spec.scope, "Namespaced", "{kind}");
        assert_eq!(crd.spec.names.categories.as_deref(), Some(&["fleetgate".to_owned()][..]), "{kind}");
        assert!(crd.spec.names.short_names.is_some_and(|names| !names.is_empty()), "{kind}");
        assert!(crd.spec.versions.iter().all(|version| version.subresources.is_some()), "{kind}");
    }
}

#[test]
fn every_property_explains_itself() {
    every_property(
        |_, schema| {
            schema.description.as_ref().is_some_and(|text| text.ends_with('.') && !text.contains(['`', '\n']))
        },
        "no description, or not one of plain sentences",
    );
}

#[test]
fn a_field_is_left_out_rather_than_null() {
    every_property(|_, schema| schema.nullable.is_none(), "nullable");
}

#[test]
fn kubernetes_knows_every_format() {
    every_property(
        |_, schema| match (schema.type_.as_deref(), schema.format.as_deref()) {
            (Some("integer"), format) => matches!(format, Some("int32" | "int64")),
            (Some("number"), format) => format == Some("double"),
            (_, format) => matches!(format, None | Some("date-time")),
        },
        "a format that Kubernetes would refuse, or an integer without one",
    );
}

#[test]
fn every_property_has_a_type_or_takes_anything() {
    every_property(
        |_, schema| schema.type_.is_some() || schema.x_kubernetes_preserve_unknown_fields == Some(true),
        "neither a type nor schemaless",
    );
}

/// A list that merges by a key makes the API server refuse items without it: only conditions do.
#[test]
fn only_conditions_are_a_keyed_list() {
    every_property(
        |path, schema| {
            let keyed = schema.x_kubernetes_list_type.as_deref() == Some("map");
            keyed == (last_name(path) == "conditions")
        },
        "a keyed list that is none, or conditions that are no keyed list",
    );
}

#[test]
fn durations_have_a_pattern() {
    every_property(
        |path, schema| match last_name(path) {
            "timeout" if path.contains("spec.source.") => schema.pattern.as_deref() == Some(SHORT_DURATION),
            "interval" | "retryInterval" | "timeout" => schema.pattern.as_deref() == Some(DURATION),
            _ => true,
        },
        "a duration without its pattern",
    );
}

#[test]
fn early_names_are_schemaless_beside_their_new_ones() {
    let crds = crds();
    let application = properties(schema(crds.first().unwrap()), "");
    let find = |path: String| application.iter().find(|(found, _)| *found == path).map(|(_, schema)| schema);
    for alias in APPLICATION_ALIASES {
        let parent = alias.parent.join(".");
        let old = find(format!("{parent}.{}", alias.old)).unwrap();
        assert_eq!(old.x_kubernetes_preserve_unknown_fields, Some(true), "{alias:?}");
        assert!(old.properties.is_none() && old.type_.is_none(), "{alias:?}");
        assert!(old.description.as_ref().unwrap().starts_with("Deprecated: "), "{alias:?}");
        assert!(find(format!("{parent}.{}", alias.new)).is_some(), "{alias:?}");
    }
}

/// What Fleetgate fills in is not the user's to set.
#[test]
fn what_the_plan_fills_in_is_no_field() {
    every_property(
        |path, _| !matches!(last_name(path), "sourceRef" | "kubeConfig" | "chartRef"),
        "a field that the plan fills in",
    );
}

#[test]
fn every_printer_column_shows_a_field() {
    for crd in crds() {
        let fields = properties(schema(&crd), "");
        let columns =
            crd.spec.versions.iter().flat_map(|version| version.additional_printer_columns.iter().flatten());
        for column in columns.filter(|column| column.json_path != ".metadata.creationTimestamp") {
            let path = column.json_path.trim_start_matches('.').replace(r#"[?(@.type=="Ready")]"#, "[]");
            assert!(fields.iter().any(|(field, _)| *field == path), "{}: {path}", crd.spec.names.kind);
        }
    }
}

/// kstatus takes an object without a status for done, and one whose status speaks of another
/// generation for one in progress. Generations start at 1.
#[test]
fn a_new_application_is_in_progress_to_kstatus() {
    let crds = crds();
    let status = schema(crds.first().unwrap()).properties.as_ref().unwrap().get("status").unwrap();
    let default = status.default.as_ref().unwrap();
    assert_eq!(serde_json::to_value(default).unwrap(), serde_json::json!({ "observedGeneration": -1 }));
}

#[test]
fn the_revision_is_shown_without_being_asked_for() {
    let crds = crds();
    let versions = crds.first().unwrap().spec.versions.iter();
    let shown: Vec<&str> = versions
        .flat_map(|version| version.additional_printer_columns.iter().flatten())
        .filter(|column| column.priority.unwrap_or_default() == 0)
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(shown, ["Source", "Destination", "Ready", "Revision", "Age"]);
}

#[test]
fn every_crd_is_small_enough_for_kubectl_apply() {
    for crd in crds() {
        let size = serde_json::to_string(&crd).unwrap().len();
        assert!(size < APPLY_LIMIT / 2, "{}: {size} bytes", crd.spec.names.kind);
    }
}
