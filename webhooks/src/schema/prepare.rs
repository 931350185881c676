//! What the API server does to an object before any webhook, the schema or a
//! rule sees it (`apiextensions-apiserver/pkg/apiserver/schema/defaulting`).
//!
//! Nearly every object that comes from there is so already. To find that out
//! takes one walk over the object, and a look at the fields that have defaults.
//!
//! Recursion goes as deep as the schema, whose depth is bounded.

use serde_json::{Map, Value};

/// The largest whole number that JSON's floating point numbers tell apart from
/// its neighbours; beyond it the API server takes none for an integer.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// The schema of a field or of a map's value.
fn field_schema<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let known = schema.get("properties").and_then(|properties| properties.get(name));
    known.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

/// Runs `visit` over every child of `value` that the schema knows.
fn for_each_child(schema: &Value, value: &mut Value, visit: impl Fn(&Value, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, child) in fields {
                if let Some(schema) = field_schema(schema, name) {
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

/// Whether there is anything in the value that [`prune_nulls`] or
/// [`round_integers`] could change, whatever its schema.
pub(super) fn has_null_or_float(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_null_or_float),
        Value::Object(fields) => fields.values().any(has_null_or_float),
        Value::Bool(_) | Value::String(_) => false,
    }
}

/// As the API server: a `null` field that is not nullable counts as absent.
/// Items of lists and what no schema describes stay.
pub(super) fn prune_nulls(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = &mut *value {
        fields.retain(|name, child| !child.is_null() || field_schema(schema, name).is_none_or(is_nullable));
    }
    for_each_child(schema, value, prune_nulls);
}

fn is_nullable(schema: &Value) -> bool {
    schema.get("nullable").and_then(Value::as_bool).unwrap_or_default()
}

/// The defaults of a schema: those of its branches that have any, and no others.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Defaults {
    /// The fields that have a default, with it.
    own: Vec<(String, Value)>,
    /// The fields below which there are defaults.
    properties: Vec<(String, Self)>,
    /// Below a list's items.
    items: Option<Box<Self>>,
    /// Below a map's values; a structural schema has either these or properties.
    values: Option<Box<Self>>,
}

impl Defaults {
    pub(super) fn of(schema: &Value) -> Self {
        let properties = || schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let own = properties().filter_map(|(name, schema)| {
            let mut default = schema.get("default")?.clone();
            round_integers(schema, &mut default);
            Some((name.clone(), default))
        });
        let below = |schema: &Value| Some(Self::of(schema)).filter(|defaults| *defaults != Self::default());
        let boxed = |keyword: &str| schema.get(keyword).and_then(below).map(Box::new);
        Self {
            own: own.collect(),
            properties: properties()
                .filter_map(|(name, schema)| Some((name.clone(), below(schema)?)))
                .collect(),
            items: boxed("items"),
            values: boxed("additionalProperties"),
        }
    }

    /// Whether [filling in](Self::fill) would leave the value as it is.
    pub(super) fn are_in(&self, value: &Value) -> bool {
        match value {
            Value::Object(fields) => {
                let is_filled =
                    |(name, below): &(String, Self)| fields.get(name).is_none_or(|value| below.are_in(value));
                self.own.iter().all(|(name, _)| fields.contains_key(name))
                    && self.properties.iter().all(is_filled)
                    && self
                        .values
                        .as_ref()
                        .is_none_or(|below| fields.values().all(|value| below.are_in(value)))
            }
            Value::Array(items) => {
                self.items.as_ref().is_none_or(|below| items.iter().all(|item| below.are_in(item)))
            }
            _ => true,
        }
    }

    /// Gives every field its default that is not there.
    pub(super) fn fill(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => self.fill_fields(fields),
            Value::Array(items) => {
                if let Some(below) = &self.items {
                    for item in items {
                        below.fill(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn fill_fields(&self, fields: &mut Map<String, Value>) {
        for (name, default) in &self.own {
            if !fields.contains_key(name) {
                fields.insert(name.clone(), default.clone());
            }
        }
        for (name, below) in &self.properties {
            if let Some(value) = fields.get_mut(name) {
                below.fill(value);
            }
        }
        if let Some(below) = &self.values {
            for value in fields.values_mut() {
                below.fill(value);
            }
        }
    }
}

/// Writes integers as integers: `5.0` is one, and is stored as `5`.
pub(super) fn round_integers(schema: &Value, value: &mut Value) {
    if let Some(whole) = whole_number(value).filter(|_| is_integer(schema)) {
        *value = Value::from(whole);
    }
    for_each_child(schema, value, round_integers);
}

fn is_integer(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "integer")
}

/// The integer that a floating point number is.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else { return None };
    let float = Some(number).filter(|number| number.is_f64())?.as_f64()?;
    let is_whole = float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER;
    // By way of its digits, as there is no conversion that cannot lose any.
    if is_whole { format!("{float:.0}").parse().ok() } else { None }
}
