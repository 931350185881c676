//! Small helpers to write an object's fields.

use serde::Serialize;
use serde_json::{Map, Value};

/// An object that is being written, field by field.
#[derive(Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// This object and one more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// This object and, if there is a value, one more field.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// This object and, unless the list is empty, one more field.
    pub(super) fn list(self, name: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.with(name, items) }
    }

    pub(super) fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// The object, or none if it has no field.
    pub(super) fn non_empty(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Object(fields.0)
    }
}

/// A value of the API's types as JSON: they serialise by construction.
pub(super) fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Seconds in the notation that Flagger reads.
pub(super) fn seconds(count: i32) -> String {
    format!("{count}s")
}

/// A text, unless it is empty: Kurator's types cannot tell that from absent.
pub(super) fn text(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

/// A number, unless it is zero: Kurator's types cannot tell that from absent.
pub(super) fn number(value: Option<i32>) -> Option<i32> {
    value.filter(|value| *value != 0)
}

/// A number as the API server writes it back: without a fraction if it has
/// none, so that what was read compares equal to what was written.
pub(super) fn decimal(value: f64) -> Value {
    /// Every integer up to here is its own `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        // Within the bounds, and without a fraction: nothing is cut.
        #[allow(clippy::cast_possible_truncation)]
        return Value::from(value as i64);
    }
    Value::from(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decimals_are_written_as_they_come_back() {
        for (value, expected) in
            [(99.0, json!(99)), (0.5, json!(0.5)), (-3.0, json!(-3)), (1e300, json!(1e300))]
        {
            assert_eq!(decimal(value), expected);
        }
        assert_eq!(decimal(f64::NAN), Value::Null);
    }
}
