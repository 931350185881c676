//! Structural schemas: what a CRD's `openAPIV3Schema` asks of an object.
//!
//! ```text
//! openAPIV3Schema ─translate─▶ JSON Schema ─compile─▶ Validator ─▶ faults
//!        └──────────────────────────────────────────▶ prepare (nulls, defaults, whole numbers)
//! ```
//!
//! The same engine judges our own kinds before they are parsed, and every
//! object that Fleetgate renders. The API server's own code is the reference
//! (`k8s.io/kube-openapi/pkg/validation/validate`).

use std::borrow::Cow;
use std::fmt;

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::fault::{self, SchemaFault};
use super::prepare::{Defaults, has_null_or_float, prune_nulls, round_integers};
use super::{list_type, text, translate};
use crate::field_path::{FieldPath, Segment};
use crate::finding::MOST_KEPT;

/// A compiled structural schema. The default one accepts everything.
#[derive(Debug, Default)]
pub struct StructuralSchema {
    root: Value,
    /// The fields of the object itself of which the schema says no more than
    /// their type, as of metadata: whatever is in them stays.
    opaque: Vec<String>,
    defaults: Defaults,
    validator: Option<Validator>,
}

/// Why a document is no structural schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotStructural(pub(super) String);

impl fmt::Display for NotStructural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotStructural {}

impl StructuralSchema {
    /// Compiles an `openAPIV3Schema`.
    ///
    /// # Errors
    /// If it is nested too deeply, or a keyword has no meaning.
    pub fn compile(root: Value) -> Result<Self, NotStructural> {
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(false)
            .with_keyword(text::PATTERN, |_, pattern, _| Ok(text::pattern(pattern)))
            .with_keyword(text::FORMAT, |_, format, _| Ok(text::format(format)))
            .with_keyword(list_type::KEYWORD, |schema, kind, _| Ok(list_type::unique(schema, kind)))
            .build(&translate::to_json_schema(&root)?)
            .map_err(|error| NotStructural(error.to_string()))?;
        let (opaque, defaults) = (opaque_fields(&root), Defaults::of(&root));
        Ok(Self { opaque, defaults, root, validator: Some(validator) })
    }

    /// The schema document, to walk along.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The schema of the field at `path`.
    #[must_use]
    pub fn at(&self, path: &FieldPath) -> Option<&Value> {
        path.segments().iter().try_fold(&self.root, |schema, segment| match segment {
            Segment::Index(_) => schema.get("items"),
            Segment::Field(name) => schema
                .get("properties")
                .and_then(|properties| properties.get(&**name))
                .or_else(|| schema.get("additionalProperties")),
        })
    }

    /// Does what the API server does to an object before any webhook sees it:
    /// drops `null` fields that the schema knows, fills in its defaults, and
    /// takes a whole number for an integer.
    pub fn prepare(&self, object: &mut Value) {
        let has_null_or_float = self.may_have_null_or_float(object);
        if has_null_or_float {
            prune_nulls(&self.root, object);
        }
        self.defaults.fill(object);
        if has_null_or_float {
            round_integers(&self.root, object);
        }
    }

    /// Does the same to a value as if it stood in the field at `path`.
    pub fn prepare_at(&self, path: &FieldPath, value: &mut Value) {
        if let Some(schema) = self.at(path) {
            prune_nulls(schema, value);
            Defaults::of(schema).fill(value);
            round_integers(schema, value);
        }
    }

    /// The prepared object; most are so already, and are not copied.
    #[must_use]
    pub fn prepared<'a>(&self, object: &'a Value) -> Cow<'a, Value> {
        if !self.may_have_null_or_float(object) && self.defaults.are_in(object) {
            return Cow::Borrowed(object);
        }
        let mut object = object.clone();
        self.prepare(&mut object);
        Cow::Owned(object)
    }

    fn may_have_null_or_float(&self, object: &Value) -> bool {
        let Value::Object(fields) = object else {
            return has_null_or_float(object);
        };
        let is_opaque =
            |name: &String, value: &Value| value.is_object() && self.opaque.iter().any(|it| it == name);
        fields.iter().any(|(name, value)| !is_opaque(name, value) && has_null_or_float(value))
    }

    /// All faults of a prepared object. Fields that the schema does not know
    /// are none: the API server drops them. Where there are more than a review keeps, it returns one more than that.
    #[must_use]
    pub fn faults(&self, object: &Value) -> Vec<SchemaFault> {
        // To say yes takes a fraction of what looking for faults does.
        let refusing = self.validator.iter().filter(|validator| !validator.is_valid(object));
        let errors = refusing.flat_map(|validator| validator.iter_errors(object));
        let errors = errors.map(|error| SchemaFault::from_error(&error));
        let mut faults: Vec<_> = errors.take(MOST_KEPT + 1).collect();
        fault::agree(&mut faults);
        faults
    }
}

/// The fields whose schema says nothing of what is in them.
fn opaque_fields(root: &Value) -> Vec<String> {
    let fields = root.get("properties").and_then(Value::as_object).into_iter().flatten();
    let is_opaque = |schema: &Value| {
        schema["type"] == "object"
            && ["properties", "additionalProperties"].iter().all(|below| schema.get(below).is_none())
    };
    fields.filter(|(_, schema)| is_opaque(schema)).map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests;
