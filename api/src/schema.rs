//! What the derived schemas share: patterns, schemaless fields, label selectors, conditions.
//!
//! Invariant: everything here is *structural* in the sense of Kubernetes, so that any field may
//! use it and the API server still accepts the CRD.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A duration as Flux and Kurator accept it: one or more of `ms`, `s`, `m`, `h`.
pub const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// A duration without hours: what a source's timeout accepts.
pub const SHORT_DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";

/// Any value, kept as it is.
pub(crate) fn schemaless(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// An object of any content, kept as it is.
pub(crate) fn schemaless_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

/// A full label selector. Its lists are atomic, as in Kubernetes' own types: a requirement has no
/// name by which two writers could merge.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "matchExpressions": {
                "description": "Requirements on labels; all of them must hold, and matchLabels too.",
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "description": "One requirement on one label.",
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": {
                            "description": "The label's key.",
                            "type": "string",
                        },
                        "operator": {
                            "description": "In, NotIn, Exists or DoesNotExist.",
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "description": "The values for In and NotIn; must be empty for Exists and DoesNotExist.",
                            "type": "array",
                            "x-kubernetes-list-type": "atomic",
                            "items": { "type": "string" },
                        },
                    },
                },
            },
            "matchLabels": {
                "description": "Labels that must be present with exactly these values.",
                "type": "object",
                "additionalProperties": { "type": "string" },
            },
        },
    })
}

/// Kubernetes' standard conditions, one per type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "description": "One aspect of the object's state.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {
                    "description": "When the status last changed from one value to another.",
                    "type": "string",
                    "format": "date-time",
                },
                "message": {
                    "description": "The details, for a person to read; may be empty.",
                    "type": "string",
                    "maxLength": 32768,
                },
                "observedGeneration": {
                    "description": "The metadata.generation that the condition speaks of.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                },
                "reason": {
                    "description": "Why the condition is what it is, as one word for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                },
                "status": {
                    "description": "True, False or Unknown.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"],
                },
                "type": {
                    "description": "What the condition is about, for example Ready.",
                    "type": "string",
                    "maxLength": 316,
                },
            },
        },
    })
}
