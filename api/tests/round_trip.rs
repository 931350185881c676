//! What is read and written again is the same document: the types have every field of the CRD,
//! and add nothing that was not there.

#![allow(clippy::unwrap_used, reason = "a test may end where it finds a surprise")]

use fleetgate_api::{Application, AttachedCluster, Fleet, crds};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// How much of a schema a sample document fills.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fill {
    /// Every field there is.
    Everything,
    /// Every field, and no list or map has anything in it.
    EmptyCollections,
    /// Only what is required.
    Required,
}

/// A document that the schema accepts.
fn sample(schema: &JSONSchemaProps, fill: Fill) -> Value {
    if schema.x_kubernetes_preserve_unknown_fields == Some(true) {
        return json!({ "any": ["thing", { "is": null }] });
    }
    if let Some(first) = schema.enum_.as_ref().and_then(|values| values.first()) {
        return first.0.clone();
    }
    match (schema.type_.as_deref().unwrap(), schema.format.as_deref()) {
        ("boolean", _) => json!(false),
        ("integer", _) => json!(0),
        ("number", _) => json!(99.5),
        ("string", Some("date-time")) => json!("2026-01-02T03:04:05Z"),
        ("string", _) => json!("text"),
        ("array", _) => Value::Array(sample_item(schema, fill).into_iter().collect()),
        ("object", _) => Value::Object(sample_object(schema, fill)),
        other => unreachable!("{other:?} is no type of a CRD"),
    }
}

fn sample_item(schema: &JSONSchemaProps, fill: Fill) -> Option<Value> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(item)) if fill != Fill::EmptyCollections => {
            Some(sample(item, fill))
        }
        _ => None,
    }
}

fn sample_object(schema: &JSONSchemaProps, fill: Fill) -> Map<String, Value> {
    let required = |name: &String| schema.required.iter().flatten().any(|required| required == name);
    let mut object: Map<String, Value> = schema
        .properties
        .iter()
        .flatten()
        .filter(|(name, _)| fill != Fill::Required || required(name))
        .map(|(name, property)| (name.clone(), sample(property, fill)))
        .collect();
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties
        && fill != Fill::EmptyCollections
    {
        object.insert("key".to_owned(), sample(value, fill));
    }
    object
}

/// A whole object of a kind, filled from the kind's own CRD.
fn sample_of(kind: &str, fill: Fill, sections: &[&str]) -> Value {
    let crd = crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let version = crd.spec.versions.first().unwrap();
    let schema = version.schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let mut object = json!({
        "apiVersion": format!("{}/{}", crd.spec.group, version.name),
        "kind": kind,
        "metadata": { "name": "shop", "namespace": "team-a" },
    });
    for section in sections {
        let of_section = schema.properties.as_ref().unwrap().get(*section).unwrap();
        object.as_object_mut().unwrap().insert((*section).to_owned(), sample(of_section, fill));
    }
    object
}

fn again<T: DeserializeOwned + Serialize>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

#[test]
fn every_field_of_the_crd_comes_back() {
    let both = ["spec", "status"];
    let application = sample_of("Application", Fill::Everything, &both);
    assert_eq!(again::<Application>(&application), application);
    let fleet = sample_of("Fleet", Fill::Everything, &both);
    assert_eq!(again::<Fleet>(&fleet), fleet);
    let cluster = sample_of("AttachedCluster", Fill::Everything, &both);
    assert_eq!(again::<AttachedCluster>(&cluster), cluster);
}

#[test]
fn nothing_is_added_to_what_is_required() {
    let application = sample_of("Application", Fill::Required, &["spec", "status"]);
    assert_eq!(again::<Application>(&application), application);
    let fleet = sample_of("Fleet", Fill::Required, &["spec", "status"]);
    assert_eq!(again::<Fleet>(&fleet), fleet);
    let cluster = sample_of("AttachedCluster", Fill::Required, &["spec"]);
    assert_eq!(again::<AttachedCluster>(&cluster), cluster);
}

#[test]
fn an_empty_list_stays_an_empty_list() {
    let application = sample_of("Application", Fill::EmptyCollections, &["spec"]);
    assert_eq!(again::<Application>(&application), application);
    let fleet = sample_of("Fleet", Fill::EmptyCollections, &["spec"]);
    assert_eq!(again::<Fleet>(&fleet), fleet);
}

/// Documents as people write them; among them, values that the schema refuses and a rule explains.
#[test]
fn written_documents_come_back() {
    let source = json!({ "gitRepository": { "interval": "3m0s", "url": "https://example.com/shop" } });
    let kustomization = json!({ "interval": "0s", "prune": true, "path": "./deploy" });
    let specs = [
        ("empty", json!({ "source": {}, "syncPolicies": [] })),
        ("an empty section", json!({ "source": source, "destination": {}, "syncPolicies": [{}] })),
        (
            "a value outside its enum",
            json!({
                "source": { "helmRepository": { "url": "ftp://example.com", "type": "floppy" } },
                "syncPolicies": [{ "helm": { "interval": "often", "values": { "replicas": 2, "none": {} } } }],
            }),
        ),
        (
            "early names",
            json!({
                "source": { "gitRepo": { "url": "https://example.com/shop" } },
                "syncPolicies": [],
                "syncPolicy": [{ "kustomization": kustomization }],
            }),
        ),
        (
            "an empty selector",
            json!({
                "source": source,
                "destination": { "fleet": "quickstart", "clusterSelector": {} },
                "syncPolicies": [{ "kustomization": kustomization }],
            }),
        ),
        (
            "a full selector",
            json!({
                "source": source,
                "syncPolicies": [{
                    "destination": { "fleet": "quickstart", "clusterSelector": {
                        "matchLabels": { "env": "test" },
                        "matchExpressions": [{ "key": "region", "operator": "In", "values": ["eu", "us"] }],
                    } },
                    "kustomization": kustomization,
                }],
            }),
        ),
    ];
    for (name, spec) in specs {
        let object = json!({
            "apiVersion": "apps.kurator.dev/v1alpha1",
            "kind": "Application",
            "metadata": { "name": "shop" },
            "spec": spec,
        });
        assert_eq!(again::<Application>(&object), object, "{name}");
    }
}

/// The one default that the types themselves know, since a kubeconfig cannot be read without it.
#[test]
fn a_kubeconfig_has_its_usual_key() {
    let cluster: AttachedCluster = serde_json::from_value(json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1",
        "kind": "AttachedCluster",
        "metadata": { "name": "member-1" },
        "spec": { "kubeconfig": { "name": "member-1-kubeconfig" } },
    }))
    .unwrap();
    assert_eq!(cluster.spec.kubeconfig.unwrap().key, "value");
}

/// What Kurator's controllers once wrote is no reason to fail.
#[test]
fn an_unknown_field_is_passed_over() {
    let mut object = sample_of("Application", Fill::Required, &["spec"]);
    object
        .as_object_mut()
        .unwrap()
        .insert("status".to_owned(), json!({ "sourceStatus": {}, "syncStatus": [] }));
    assert!(serde_json::from_value::<Application>(object).is_ok());
}
