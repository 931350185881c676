//! A list that nobody looks into, kept as text.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A list of any objects, kept as the text that it is sent as. Whoever watches
/// thousands of Applications keeps thousands of these: as values they take five
/// times the memory.
#[derive(Clone, Debug, Default)]
pub struct PackedList(Box<str>);

impl PackedList {
    /// Whether it has no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its elements.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        // What is not empty was made of a list.
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<Vec<Value>> for PackedList {
    fn from(list: Vec<Value>) -> Self {
        if list.is_empty() {
            return Self::default();
        }
        Self(Value::Array(list).to_string().into())
    }
}

/// Equal lists may be written in several ways.
impl PartialEq for PackedList {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.list() == other.list()
    }
}

impl Serialize for PackedList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PackedList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_goes_in_comes_out() {
        for list in [json!([]), json!([{"name": "ünïcode \"quoted\"", "n": 1.5, "deep": [{"a": null}]}, 7])]
        {
            let packed: PackedList = serde_json::from_value(list.clone()).expect("a list");
            assert_eq!(Value::Array(packed.list()), list);
            assert_eq!(serde_json::to_value(&packed).expect("JSON"), list);
            assert_eq!(packed.is_empty(), list == json!([]));
        }
        assert!(serde_json::from_value::<PackedList>(json!({"no": "list"})).is_err());
    }

    #[test]
    fn equal_lists_are_equal_however_they_are_written() {
        let [one, same, other] = [r#"[{"a":1,"b":2}]"#, r#"[{"b":2, "a":1}]"#, r#"[{"a":2}]"#];
        assert_eq!(PackedList(one.into()), PackedList(same.into()));
        assert_ne!(PackedList(one.into()), PackedList(other.into()));
    }
}
