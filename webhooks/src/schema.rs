//! Schemas: what the API server would say about an object before anyone asks it.
//!
//! ```text
//! our own kinds   ─▶ Schema (metadata, repair) ─┐
//!                                               ├─▶ StructuralSchema ─▶ faults
//! rendered objects ─▶ CrdCheck (CEL rules) ─────┘
//! ```
//!
//! serde stops at the first type error, and the API server at the schema. So
//! our own CRDs' schemas are checked first, all their faults become findings,
//! and the faulty places are [repaired](Schema::repair) in a copy, so that the
//! rules can say at once what else is wrong.

mod cel;
mod crd;
mod fault;
mod kind;
mod list_type;
mod prepare;
mod re2;
mod rendered;
mod structural;
mod text;
mod translate;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Value, json};

pub use self::crd::CrdCheck;
pub use self::fault::SchemaFault;
pub use self::kind::{Kind, VERSION};
pub use self::rendered::{bundled, bundled_schema, check_rendered, checker_for};
pub use self::structural::{NotStructural, StructuralSchema};
use crate::field_path::{FieldPath, Segment};

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

/// The structural schema of one of our own kinds.
pub struct Schema {
    structural: StructuralSchema,
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
        // No rule looks at a status: what has none is not copied to be given one.
        if let Some(Value::Object(status)) = root.pointer_mut("/properties/status") {
            status.remove("default");
        }
        Self { structural: StructuralSchema::compile(root).unwrap_or_default() }
    }

    /// The schema document, to walk along.
    #[must_use]
    pub fn root(&self) -> &Value {
        self.structural.root()
    }

    /// Does what the API server does to an object before any webhook sees it.
    pub fn prepare(&self, object: &mut Value) {
        self.structural.prepare(object);
    }

    /// The object as the API server would hand it to a webhook; one that comes
    /// from there is so already, and is not copied.
    #[must_use]
    pub fn prepared<'a>(&self, object: &'a Value) -> Cow<'a, Value> {
        self.structural.prepared(object)
    }

    /// Prepares a value as if it stood in the field at `path`.
    pub fn prepare_at(&self, path: &FieldPath, value: &mut Value) {
        self.structural.prepare_at(path, value);
    }

    /// All faults, with what was wrong at each path.
    #[must_use]
    pub fn faults(&self, object: &Value) -> Vec<SchemaFault> {
        self.structural.faults(object)
    }

    /// Puts a value of the right type wherever one is missing or wrong, so
    /// that the object can be parsed; returns the paths.
    pub fn repair(&self, object: &mut Value, faults: &[SchemaFault]) -> Vec<FieldPath> {
        let mut repaired = Vec::new();
        for fault in faults.iter().filter(|fault| fault.breaks_parsing) {
            let placeholder = self.structural.at(&fault.path).map(placeholder).unwrap_or_default();
            if set(object, &fault.path, placeholder) {
                repaired.push(fault.path.clone());
            }
        }
        repaired
    }
}

/// A time as the API server writes it (RFC 3339).
const TIME: &str =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$";

/// The schema of every object's metadata (`ObjectMeta` of `meta/v1`).
fn object_meta() -> Value {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let objects =
        json!({"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let number = json!({"type": "integer"});
    let time = json!({"type": "string", "pattern": TIME});
    // Without metadata the object has no name, and the rule about names says so.
    json!({"type": "object", "default": {}, "properties": {
        "name": text, "generateName": text, "namespace": text, "uid": text, "resourceVersion": text, "selfLink": text,
        "labels": texts, "annotations": texts,
        "creationTimestamp": time, "deletionTimestamp": time,
        "deletionGracePeriodSeconds": number, "generation": number,
        "finalizers": {"type": "array", "items": text},
        "managedFields": objects, "ownerReferences": objects,
    }})
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
            fields.insert(name.clone().into_owned(), value);
            true
        }
        (Some(Value::Array(items)), Segment::Index(index)) => items.get_mut(*index).is_some_and(|item| {
            *item = value;
            true
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::object::UNREADABLE;

    fn faults(object: &Value) -> Vec<String> {
        let faults = Kind::Application.schema().faults(object);
        faults.into_iter().map(|fault| fault.finding(&UNREADABLE).to_string()).collect()
    }

    #[test]
    fn schemas_compile() {
        for kind in Kind::ALL {
            assert!(!kind.schema().faults(&json!({"spec": 5})).is_empty(), "{kind:?}");
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
                "spec.source.gitRepository.interval: Invalid value: 5: must be a string, is an integer; add the unit, such as s or m [object/unreadable]",
                "spec.syncPolicies[0].kustomization.prune: Invalid value: \"yes\": must be a boolean, is a string [object/unreadable]",
                "spec.syncPolicies[1]: Invalid value: must be an object, is null [object/unreadable]",
            ]
        );
    }

    #[test]
    fn quotes_are_no_way_out_where_the_values_are_named() {
        let drift = |mode: Value| {
            json!({"spec": {
                "source": {}, "syncPolicies": [{"helm": {"interval": "5m", "driftDetection": {"mode": mode}}}],
            }})
        };
        let path = "spec.syncPolicies[0].helm.driftDetection.mode";
        let values = r#"supported values: "enabled", "warn", "disabled""#;
        assert_eq!(
            faults(&drift(json!(true))),
            [
                format!("{path}: Invalid value: true: must be a string, is a boolean [object/unreadable]"),
                format!("{path}: Unsupported value: true: {values} [object/unreadable]"),
            ]
        );
        assert_eq!(faults(&drift(json!("enabled"))), [""; 0]);
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
                "metadata.labels.a: Invalid value: 1: must be a string, is an integer; put it in quotes [object/unreadable]",
                "metadata.name: Invalid value: 7: must be a string, is an integer; put it in quotes [object/unreadable]",
            ]
        );
    }

    #[test]
    fn what_is_too_large_for_its_type_has_a_path() {
        let object = json!({"spec": {"source": {}, "syncPolicies": [{"helm": {"interval": "5m", "maxHistory": 5_000_000_000_i64}}]}});
        assert_eq!(
            faults(&object),
            [
                "spec.syncPolicies[0].helm.maxHistory: Invalid value: 5000000000: must be at most 2147483647 [object/unreadable]"
            ]
        );
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        let mut object = json!({"spec": {"source": {}, "syncPolicies": [{"helm": {"interval": "5m", "maxHistory": 5.0}}]}});
        assert_eq!(faults(&object), [] as [&str; 0]);
        Kind::Application.schema().prepare(&mut object);
        assert_eq!(object["spec"]["syncPolicies"][0]["helm"]["maxHistory"], json!(5));
        object["spec"]["syncPolicies"][0]["helm"]["maxHistory"] = json!(5.5);
        assert_eq!(
            faults(&object),
            [
                "spec.syncPolicies[0].helm.maxHistory: Invalid value: 5.5: must be an integer, is a number [object/unreadable]"
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
