//! What a schema says against an object.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::list_type;
use crate::field_path::{FieldPath, Segment};
use crate::finding::{Fault, Finding};
use crate::rules::Rule;

/// A place where an object does not have its schema, or breaks a rule of it.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaFault {
    /// Where, from the root of the object that was checked.
    pub path: FieldPath,
    /// What is wrong there.
    pub fault: Fault,
    /// What is asked for; empty where the fault says it all.
    pub message: String,
    /// The offending value, if it is a text, a number or a boolean.
    pub value: Option<Value>,
    /// The way out, if it is plain.
    pub(super) hint: Option<&'static str>,
    /// Whether the object cannot be parsed with it.
    pub(super) breaks_parsing: bool,
}

impl SchemaFault {
    /// What a rule of a CRD says, in its own words.
    pub(super) fn of_rule(path: FieldPath, fault: Fault, message: String, value: Option<&Value>) -> Self {
        Self { path, fault, message, value: value.and_then(shown), hint: None, breaks_parsing: false }
    }

    /// As a finding of `rule` about that very object.
    #[must_use]
    pub fn finding(self, rule: &Rule) -> Finding {
        let mut finding = Finding::error(rule, self.path, self.fault, self.message);
        if let Some(value) = self.value {
            finding = finding.value(value);
        }
        match self.hint {
            Some(hint) => finding.hint(hint),
            None => finding,
        }
    }

    pub(super) fn from_error(error: &ValidationError<'_>) -> Self {
        let mut path = path_of(error);
        if let ValidationErrorKind::Required { property } = error.kind() {
            path = path.key(property.as_str().unwrap_or_default());
            let message = String::new();
            return Self {
                path,
                fault: Fault::Required,
                message,
                value: None,
                hint: None,
                breaks_parsing: true,
            };
        }
        let (fault, message, breaks_parsing) = said(error);
        let hint = way_out(error, &path);
        Self { path, fault, message, value: shown(error.instance()), hint, breaks_parsing }
    }
}

/// Takes back the hint at a value's type where another fault names the values
/// that there are: `on` is none of them, in quotes or without.
pub(super) fn agree(faults: &mut [SchemaFault]) {
    let is_enum = |fault: &&SchemaFault| fault.fault == Fault::NotSupported;
    let named: Vec<FieldPath> = faults.iter().filter(is_enum).map(|fault| fault.path.clone()).collect();
    for fault in faults.iter_mut().filter(|fault| fault.fault == Fault::TypeInvalid) {
        if named.contains(&fault.path) {
            fault.hint = None;
        }
    }
}

/// What a message repeats of a value.
fn shown(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Fault, message, and whether the object cannot be parsed with it.
fn said(error: &ValidationError<'_>) -> (Fault, String, bool) {
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let message =
                format!("must be {}, is {}", expected(kind), with_article(type_name(error.instance())));
            (Fault::TypeInvalid, message, true)
        }
        ValidationErrorKind::Enum { options } => {
            (Fault::NotSupported, format!("supported values: {}", listed(options)), false)
        }
        ValidationErrorKind::Custom { keyword, message } if keyword == list_type::KEYWORD => {
            (Fault::Duplicate, message.clone(), false)
        }
        ValidationErrorKind::Custom { message, .. } => (Fault::Invalid, message.clone(), false),
        ValidationErrorKind::Minimum { limit } => {
            (Fault::Invalid, format!("must be at least {limit}"), is_bound_of_type(limit))
        }
        ValidationErrorKind::Maximum { limit } => {
            (Fault::Invalid, format!("must be at most {limit}"), is_bound_of_type(limit))
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            (Fault::Invalid, format!("must be more than {limit}"), false)
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            (Fault::Invalid, format!("must be less than {limit}"), false)
        }
        ValidationErrorKind::MinLength { limit } => {
            (Fault::Invalid, format!("must have at least {limit} characters"), false)
        }
        ValidationErrorKind::MaxLength { limit } => {
            (Fault::TooLong, format!("may not have more than {limit} characters"), false)
        }
        ValidationErrorKind::MinItems { limit } | ValidationErrorKind::MinProperties { limit } => {
            (Fault::Invalid, format!("must have at least {limit} items"), false)
        }
        ValidationErrorKind::MaxItems { limit } | ValidationErrorKind::MaxProperties { limit } => {
            (Fault::TooLong, format!("may not have more than {limit} items"), false)
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => (
            Fault::Invalid,
            "fits more than one of the alternatives, of which exactly one must hold".to_owned(),
            true,
        ),
        ValidationErrorKind::OneOfNotValid { .. } | ValidationErrorKind::AnyOf { .. } => {
            (Fault::Invalid, "fits none of the alternatives that the schema has".to_owned(), true)
        }
        ValidationErrorKind::Not { .. } => (Fault::Invalid, "is what the schema rules out".to_owned(), true),
        // Masked: the message would repeat the value, however large or secret it is.
        _ => (Fault::Invalid, error.masked().to_string(), true),
    }
}

/// Quotes make a text of what YAML takes for a number or a Boolean, and keep one from being it.
fn way_out(error: &ValidationError<'_>, path: &FieldPath) -> Option<&'static str> {
    let ValidationErrorKind::Type { kind: TypeKind::Single(wanted) } = error.kind() else {
        return None;
    };
    match (wanted, error.instance().as_ref()) {
        (JsonType::String, Value::Number(_)) if is_duration(path) => Some("add the unit, such as s or m"),
        (JsonType::String, Value::Bool(_) | Value::Number(_)) => Some("put it in quotes"),
        (JsonType::Boolean, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Some("leave the quotes out")
        }
        (JsonType::Integer | JsonType::Number, Value::String(text)) if text.parse::<i64>().is_ok() => {
            Some("leave the quotes out")
        }
        _ => None,
    }
}

/// Flux's durations have these names; their type alone is any text's.
fn is_duration(path: &FieldPath) -> bool {
    let name = path.segments().last();
    matches!(name, Some(Segment::Field(name)) if matches!(&**name, "interval" | "retryInterval" | "timeout"))
}

/// Whether a limit is the type's own, beyond which nothing can be parsed.
fn is_bound_of_type(limit: &Value) -> bool {
    *limit == i32::MIN || *limit == i32::MAX || *limit == i64::MIN || *limit == i64::MAX
}

fn path_of(error: &ValidationError<'_>) -> FieldPath {
    let segments = error.instance_path().segments().map(|segment| match segment {
        LocationSegment::Property(name) => Segment::Field(name.into_owned().into()),
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
