//! What the schema says against an object, in the words of a finding.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use serde_json::Value;

use crate::field_path::{FieldPath, Segment};
use crate::finding::{Fault, Finding};
use crate::rules::object::UNREADABLE;

/// A place where an object does not have its kind's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaFault {
    /// What is said about it.
    pub finding: Finding,
    /// Whether the object cannot be parsed with it.
    pub(super) breaks_parsing: bool,
}

impl SchemaFault {
    pub(super) fn from_error(error: &ValidationError<'_>) -> Self {
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
                (Fault::Invalid, format!("must be at least {limit}"), is_bound_of_type(limit))
            }
            ValidationErrorKind::Maximum { limit } => {
                (Fault::Invalid, format!("must be at most {limit}"), is_bound_of_type(limit))
            }
            ValidationErrorKind::MinLength { limit } => {
                (Fault::Invalid, format!("must have at least {limit} characters"), false)
            }
            ValidationErrorKind::MaxLength { limit } => {
                (Fault::TooLong, format!("may not have more than {limit} characters"), false)
            }
            // Masked: the message would repeat the value, however large or secret it is.
            _ => (Fault::Invalid, error.masked().to_string(), true),
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

/// Whether a limit is the type's own, beyond which nothing can be parsed.
fn is_bound_of_type(limit: &Value) -> bool {
    *limit == i32::MIN || *limit == i32::MAX
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
