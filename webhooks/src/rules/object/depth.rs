//! How deep a spec is nested.

use serde_json::Value;

use super::UNREADABLE;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};

/// The most levels of a spec, itself included. What reads it again reads 128, of which a list of objects takes some,
/// and what an API server notes of who wrote an object is nested deeper than the object.
const MAX_LEVELS: usize = 64;

/// How far into a spec it is said where it is nested too deep.
const SAID: usize = 6;

/// That a spec is nested too deep, and where.
pub(super) fn too_deep(object: &Value) -> Option<Finding> {
    let spec = object.get("spec")?;
    let count = levels(spec);
    if count <= MAX_LEVELS {
        return None;
    }
    let (mut path, mut value) = (FieldPath::spec(), spec);
    for _ in 0..SAID {
        let Some((below, deepest)) = deepest(value, &path) else { break };
        (path, value) = (below, deepest);
    }
    let message = format!("a spec may have at most {MAX_LEVELS} levels, and has {count}: make it flatter");
    Some(Finding::error(&UNREADABLE, path, Fault::TooLong, message))
}

/// How many there are, one in the other. What is asked here was read from a text, which has not more than 128.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or_default(),
        _ => 0,
    }
}

/// The deepest value of those in `value`, which is at `path`.
fn deepest<'a>(value: &'a Value, path: &FieldPath) -> Option<(FieldPath, &'a Value)> {
    match value {
        Value::Array(items) => {
            let (index, item) = items.iter().enumerate().max_by_key(|(_, item)| levels(item))?;
            Some((path.index(index), item))
        }
        Value::Object(fields) => {
            let (name, field) = fields.iter().max_by_key(|(_, field)| levels(field))?;
            Some((path.key(name), field))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, git_source};
    use serde_json::json;

    /// An Application with Helm values of so many levels.
    fn with_values(levels: usize) -> Value {
        let values = (0..levels).fold(json!(1), |value, _| json!({ "a": value }));
        let helm = json!({"interval": "5m", "chart": {"spec": {"chart": "./charts/web"}}, "values": values});
        application("shop", json!({"source": git_source(), "syncPolicies": [{"helm": helm}]}))
    }

    #[test]
    fn what_is_nested_too_deep_is_said_once_and_stays_if_it_is_stored() {
        // A spec, its policies, one of them and its `helm` are around the values.
        assert_eq!(too_deep(&with_values(MAX_LEVELS - 4)), None);
        let deep = with_values(MAX_LEVELS - 3);
        let verdict = judge(Kind::Application, deep.clone(), None, &catalog());
        let said: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "spec.syncPolicies[0].helm.values.a.a: Too long: a spec may have at most 64 levels, and has 65: make it \
                 flatter [object/unreadable]"
            ]
        );
        assert!(judge(Kind::Application, deep.clone(), Some(&deep), &catalog()).is_admitted());
        assert!(!judge(Kind::Application, with_values(80), Some(&deep), &catalog()).is_admitted());
    }
}
