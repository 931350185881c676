//! Our own CRDs' schemas, applied to an object before it is parsed.
//!
//! serde stops at the first type error, and the API server at the schema. So
//! the schema is checked first, all its faults become findings, and the faulty
//! places are [repaired](Schema::repair) in a copy, so that the rules can say
//! at once what else is wrong.

use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value, json};

use crate::field_path::{FieldPath, Segment};
use crate::finding::{Fault, Finding};
use crate::rules::object::UNREADABLE;

/// A kind that Fleetgate serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `apps.kurator.dev/v1alpha1` Application.
    Application,
    /// `fleet.kurator.dev/v1alpha1` Fleet.
    Fleet,
    /// `cluster.kurator.dev/v1alpha1` AttachedCluster.
    AttachedCluster,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Application, Self::Fleet, Self::AttachedCluster];

    /// The object's `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Fleet => "Fleet",
            Self::AttachedCluster => "AttachedCluster",
        }
    }

    /// The object's API group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Application => "apps.kurator.dev",
            Self::Fleet => "fleet.kurator.dev",
            Self::AttachedCluster => "cluster.kurator.dev",
        }
    }

    /// The resource's name in URLs, roles and webhook configurations.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Application => "applications",
            Self::Fleet => "fleets",
            Self::AttachedCluster => "attachedclusters",
        }
    }

    /// The kind of that group and name, in whatever version.
    #[must_use]
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.as_str() == kind)
    }

    /// The kind's schema, compiled once.
    #[must_use]
    pub fn schema(self) -> &'static Schema {
        match self {
            Self::Application => &SCHEMAS.application,
            Self::Fleet => &SCHEMAS.fleet,
            Self::AttachedCluster => &SCHEMAS.attached_cluster,
        }
    }
}

struct Schemas {
    application: Schema,
    fleet: Schema,
    attached_cluster: Schema,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| Schemas {
    application: Schema::of(Kind::Application),
    fleet: Schema::of(Kind::Fleet),
    attached_cluster: Schema::of(Kind::AttachedCluster),
});

/// The served version of every kind.
pub const VERSION: &str = "v1alpha1";

/// A kind's structural schema.
pub struct Schema {
    root: Value,
    validator: Option<Validator>,
}

impl Schema {
    fn of(kind: Kind) -> Self {
        let crd = fleetgate_api::crds().into_iter().find(|crd| crd.spec.names.kind == kind.as_str());
        let mut root: Value = crd
            .and_then(|crd| crd.spec.versions.into_iter().next()?.schema?.open_api_v3_schema)
            .and_then(|schema| serde_json::to_value(schema).ok())
            .unwrap_or_default();
        // A CRD leaves metadata to the API server, which judges it all the same.
        if let Some(Value::Object(properties)) = root.get_mut("properties") {
            properties.insert("metadata".to_owned(), object_meta());
        }
        // Structural schemas are Draft 4 as they stand: what else they say
        // (descriptions, defaults, extensions) is unknown to it and ignored.
        let validator = jsonschema::options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::regex())
            .build(&root)
            .ok();
        Self { root, validator }
    }

    /// The schema document, to walk along.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Does what the API server does to an object before any webhook sees it:
    /// drops `null` fields that the schema knows, and fills in its defaults.
    pub fn prepare(&self, object: &mut Value) {
        prune_nulls(&self.root, object);
        fill_defaults(&self.root, object);
    }

    /// Fills in the schema's defaults below the field at `path`.
    pub fn fill_defaults_at(&self, path: &FieldPath, value: &mut Value) {
        if let Some(schema) = self.at(path) {
            fill_defaults(schema, value);
        }
    }

    /// All faults, with what was wrong at each path.
    #[must_use]
    pub fn faults(&self, object: &Value) -> Vec<SchemaFault> {
        let errors = self.validator.iter().flat_map(|validator| validator.iter_errors(object));
        errors.map(|error| SchemaFault::from_error(&error)).collect()
    }

    /// Puts a value of the right type wherever one is missing or wrong, so
    /// that the object can be parsed; returns the paths.
    pub fn repair(&self, object: &mut Value, faults: &[SchemaFault]) -> Vec<FieldPath> {
        let mut repaired = Vec::new();
        for fault in faults.iter().filter(|fault| fault.breaks_parsing) {
            let path = &fault.finding.path;
            let placeholder = self.at(path).map(placeholder).unwrap_or_default();
            if set(object, path, placeholder) {
                repaired.push(path.clone());
            }
        }
        repaired
    }

    fn at(&self, path: &FieldPath) -> Option<&Value> {
        path.segments().iter().try_fold(&self.root, |schema, segment| match segment {
            Segment::Index(_) => schema.get("items"),
            Segment::Field(name) => schema
                .get("properties")
                .and_then(|properties| properties.get(name))
                .or_else(|| schema.get("additionalProperties")),
        })
    }
}

/// The schema of every object's metadata (`ObjectMeta` of `meta/v1`).
fn object_meta() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let objects =
        json!({"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let number = json!({"type": "integer"});
    json!({"type": "object", "properties": {
        "name": text, "generateName": text, "namespace": text, "uid": text, "resourceVersion": text, "selfLink": text,
        "labels": texts, "annotations": texts,
        "creationTimestamp": text, "deletionTimestamp": text,
        "deletionGracePeriodSeconds": number, "generation": number,
        "finalizers": {"type": "array", "items": text},
        "managedFields": objects, "ownerReferences": objects,
    }})
}

/// A place where an object does not have its kind's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaFault {
    /// What is said about it.
    pub finding: Finding,
    /// Whether the object cannot be parsed with it.
    breaks_parsing: bool,
}

impl SchemaFault {
    fn from_error(error: &ValidationError<'_>) -> Self {
        let mut path = path_of(error);
        let (fault, message, breaks_parsing) = match error.kind() {
            ValidationErrorKind::Required { property } => {
                path = path.field(property.as_str().unwrap_or_default());
                (Fault::Required, String::new(), true)
            }
            ValidationErrorKind::Type { kind } => {
                let message =
                    format!("must be {}, is {}", expected(kind), with_article(type_name(error.instance())));
                (Fault::TypeInvalid, message, true)
            }
            ValidationErrorKind::Enum { options } => {
                (Fault::NotSupported, format!("supported values: {}", listed(options)), false)
            }
            ValidationErrorKind::Pattern { pattern } => {
                (Fault::Invalid, format!("must match {pattern}"), false)
            }
            ValidationErrorKind::Minimum { limit } => {
                (Fault::Invalid, format!("must be at least {limit}"), false)
            }
            ValidationErrorKind::Maximum { limit } => {
                (Fault::Invalid, format!("must be at most {limit}"), false)
            }
            ValidationErrorKind::MinLength { limit } => {
                (Fault::Invalid, format!("must have at least {limit} characters"), false)
            }
            ValidationErrorKind::MaxLength { limit } => {
                (Fault::TooLong, format!("may not have more than {limit} characters"), false)
            }
            _ => (Fault::Invalid, error.to_string(), true),
        };
        let finding = Finding::error(&UNREADABLE, path, fault, message);
        let finding = match error.instance().as_ref() {
            Value::String(text) if fault != Fault::Required => finding.value(text.as_str()),
            value @ (Value::Bool(_) | Value::Number(_)) if fault != Fault::Required => {
                finding.value(value.clone())
            }
            _ => finding,
        };
        Self { finding, breaks_parsing }
    }
}

fn path_of(error: &ValidationError<'_>) -> FieldPath {
    let segments = error.instance_path().segments().map(|segment| match segment {
        LocationSegment::Property(name) => Segment::Field(name.into_owned()),
        LocationSegment::Index(index) => Segment::Index(index),
    });
    FieldPath::from(segments.collect::<Vec<_>>())
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(name) => with_article(&name.to_string()),
        TypeKind::Multiple(names) => {
            let names: Vec<String> = names.iter().map(|name| with_article(&name.to_string())).collect();
            names.join(" or ")
        }
    }
}

fn with_article(noun: &str) -> String {
    match noun {
        "null" => noun.to_owned(),
        noun if noun.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {noun}"),
        noun => format!("a {noun}"),
    }
}

/// The JSON type of a value, as messages name it.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn listed(options: &Value) -> String {
    let options = options.as_array().into_iter().flatten();
    options.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The least value that has the schema's type.
fn placeholder(schema: &Value) -> Value {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Value::String(String::new()),
        Some("integer" | "number") => Value::from(0),
        Some("boolean") => Value::Bool(false),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let fields = required.filter_map(|name| {
                let name = name.as_str()?;
                Some((name.to_owned(), placeholder(schema.get("properties")?.get(name)?)))
            });
            Value::Object(fields.collect())
        }
        _ => Value::Null,
    }
}

/// Sets the value at `path` if its parent is there to hold it.
fn set(object: &mut Value, path: &FieldPath, value: Value) -> bool {
    let (Some(parent), Some(last)) = (path.parent(), path.segments().last()) else {
        *object = value;
        return true;
    };
    match (parent.get_mut(object), last) {
        (Some(Value::Object(fields)), Segment::Field(name)) => {
            fields.insert(name.clone(), value);
            true
        }
        (Some(Value::Array(items)), Segment::Index(index)) => items.get_mut(*index).is_some_and(|item| {
            *item = value;
            true
        }),
        _ => false,
    }
}

/// Runs `visit` over every child of `value` that the schema knows.
fn for_each_child(schema: &Value, value: &mut Value, visit: impl Fn(&Value, &mut Value)) {
    match value {
        Value::Object(fields) => {
            let properties = schema.get("properties");
            let rest = schema.get("additionalProperties");
            for (name, child) in fields {
                if let Some(schema) = properties.and_then(|known| known.get(name)).or(rest) {
                    visit(schema, child);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    visit(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// As the API server: a `null` field that is not nullable counts as absent.
/// Items of lists and what no schema describes stay.
fn prune_nulls(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = &mut *value {
        let properties = schema.get("properties");
        let rest = schema.get("additionalProperties").filter(|rest| rest.is_object());
        let of = |name: &str| properties.and_then(|known| known.get(name)).or(rest);
        fields.retain(|name, child| !child.is_null() || of(name).is_none_or(keeps_null));
    }
    for_each_child(schema, value, prune_nulls);
}

fn keeps_null(schema: &Value) -> bool {
    let is_true = |key: &str| schema.get(key).and_then(Value::as_bool).unwrap_or_default();
    is_true("nullable") || (is_true("x-kubernetes-preserve-unknown-fields") && schema.get("type").is_none())
}

fn fill_defaults(schema: &Value, value: &mut Value) {
    if let (Value::Object(fields), Some(Value::Object(properties))) = (&mut *value, schema.get("properties"))
    {
        insert_missing(fields, properties);
    }
    for_each_child(schema, value, fill_defaults);
}

fn insert_missing(fields: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, schema) in properties {
        if let Some(default) = schema.get("default")
            && !fields.contains_key(name)
        {
            fields.insert(name.clone(), default.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(object: &Value) -> Vec<String> {
        let faults = Kind::Application.schema().faults(object);
        faults.iter().map(|fault| fault.finding.to_string()).collect()
    }

    #[test]
    fn schemas_compile() {
        for kind in Kind::ALL {
            assert!(kind.schema().validator.is_some(), "{kind:?}");
        }
    }

    #[test]
    fn every_fault_has_its_path_and_type() {
        let object = json!({"spec": {
            "source": {"gitRepository": {"url": "https://e.com", "interval": 5}},
            "syncPolicies": [{"kustomization": {"interval": "5m", "prune": "yes"}}, null],
        }});
        assert_eq!(
            faults(&object),
            [
                "spec.source.gitRepository.interval: Invalid value: 5: must be a string, is an integer [object/unreadable]",
                "spec.syncPolicies[0].kustomization.prune: Invalid value: \"yes\": must be a boolean, is a string [object/unreadable]",
                "spec.syncPolicies[1]: Invalid value: must be an object, is null [object/unreadable]",
            ]
        );
    }

    #[test]
    fn metadata_has_a_schema_too() {
        let object = json!({
            "metadata": {"name": 7, "labels": {"a": 1}, "creationTimestamp": null},
            "spec": {"source": {}, "syncPolicies": []},
        });
        let mut prepared = object.clone();
        Kind::Application.schema().prepare(&mut prepared);
        assert_eq!(
            faults(&prepared),
            [
                "metadata.labels.a: Invalid value: 1: must be a string, is an integer [object/unreadable]",
                "metadata.name: Invalid value: 7: must be a string, is an integer [object/unreadable]",
            ]
        );
    }

    #[test]
    fn a_repaired_object_has_no_fault_that_breaks_parsing() {
        let schema = Kind::Application.schema();
        for broken in [
            json!({}),
            json!({"spec": 5}),
            json!({"spec": {"source": [], "syncPolicies": [null, {"helm": {}}]}}),
            json!(7),
        ] {
            let mut object = broken.clone();
            let faults = schema.faults(&object);
            assert!(!faults.is_empty(), "{broken}");
            assert!(!schema.repair(&mut object, &faults).is_empty());
            let left = schema.faults(&object);
            assert!(left.iter().all(|fault| !fault.breaks_parsing), "{broken} {left:?}");
        }
    }

    #[test]
    fn an_object_is_prepared_as_the_api_server_does() {
        let mut object = json!({"spec": {
            "destination": {"fleet": "f", "clusterSelector": {"matchLabels": {"env": null}}},
            "source": {"gitRepository": {"url": "https://e.com", "interval": "5m"}},
            "syncPolicies": [null, {"helm": {"values": {"kept": null}}}],
        }});
        Kind::Application.schema().prepare(&mut object);
        assert_eq!(
            object["spec"]["destination"],
            json!({"fleet": "f", "clusterSelector": {"matchLabels": {}}})
        );
        assert_eq!(object["spec"]["source"]["gitRepository"]["timeout"], json!("60s"));
        assert_eq!(object["spec"]["syncPolicies"], json!([null, {"helm": {"values": {"kept": null}}}]));
    }
}
