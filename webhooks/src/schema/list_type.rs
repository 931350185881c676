//! Lists whose items may not repeat: `x-kubernetes-list-type: set` and `map`
//! (`apiextensions-apiserver/pkg/apiserver/schema/listtype`).

use std::collections::HashMap;

use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};

/// What kind of list it is.
pub(super) const KEYWORD: &str = "x-kubernetes-list-type";
/// The fields that tell the items of a map apart.
pub(super) const KEYS: &str = "x-kubernetes-list-map-keys";

/// The keyword's meaning: every item at most once.
pub(super) fn unique(schema: &Map<String, Value>, kind: &Value) -> Box<dyn for<'i> Keyword<'i>> {
    let keys = schema.get(KEYS).and_then(Value::as_array).into_iter().flatten();
    let keys = keys.filter_map(|key| Some(key.as_str()?.to_owned())).collect();
    Box::new(match kind.as_str() {
        Some("set") => Unique { keys: None },
        Some("map") => Unique { keys: Some(keys) },
        _ => Unique { keys: Some(Vec::new()) },
    })
}

/// What must be there once: the items themselves, or the values of these fields.
/// Without a field everything may be there as often as it likes.
struct Unique {
    keys: Option<Vec<String>>,
}

impl Unique {
    /// What tells an item apart from the others, as text; `None` for what is no
    /// item of such a list, which the schema says by itself.
    fn identity(&self, item: &Value) -> Option<String> {
        let Some(keys) = &self.keys else {
            return Some(item.to_string());
        };
        let fields = item.as_object()?;
        let values: Vec<Option<&Value>> = keys.iter().map(|key| fields.get(key)).collect();
        Some(format!("{values:?}"))
    }

    /// The first item that repeats another, and that other.
    fn repeated(&self, list: &Value) -> Option<(usize, usize)> {
        if self.keys.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let mut seen = HashMap::new();
        list.as_array()?.iter().enumerate().find_map(|(index, item)| {
            let first = seen.insert(self.identity(item)?, index)?;
            Some((first, index))
        })
    }
}

impl<'i> Keyword<'i> for Unique {
    fn validate(&self, list: &'i Value) -> Result<(), ValidationError<'i>> {
        let Some((first, second)) = self.repeated(list) else {
            return Ok(());
        };
        let same = match &self.keys {
            Some(keys) => format!("have the same {}", keys.join(" and ")),
            None => "are the same".to_owned(),
        };
        Err(ValidationError::custom(format!("items {first} and {second} (counted from 0) {same}")))
    }

    fn is_valid(&self, list: &'i Value) -> bool {
        self.repeated(list).is_none()
    }
}
