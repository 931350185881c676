//! Labels as kubectl takes them.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The labels `KEY=VALUE`, and where that may be, `KEY-` for one that goes, as
/// a merge patch has them.
///
/// # Errors
///
/// When one of them is no label, or stands there twice.
pub(super) fn parse(labels: &[String], may_remove: bool) -> anyhow::Result<Map<String, Value>> {
    let mut parsed = Map::new();
    for label in labels {
        let (key, value) = match (label.split_once('='), label.strip_suffix('-')) {
            (Some((key, value)), _) => (key, Value::from(value)),
            (None, Some(key)) if may_remove => (key, Value::Null),
            _ => bail!("{label:?} is no label: it must be KEY=VALUE"),
        };
        let free = parsed.insert(key.to_owned(), value).is_none();
        free.then_some(()).with_context(|| format!("the label {key:?} is given twice"))?;
    }
    Ok(parsed)
}

/// Labels as kubectl shows them.
pub(super) fn in_one<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let labels: Vec<String> = labels.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_kubectls() {
        let read = |labels: &[&str], may_remove| {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            parse(&labels, may_remove).map(Value::Object).map_err(|error| error.to_string())
        };
        assert_eq!(read(&["a=b", "c=", "d-"], true), Ok(json!({"a": "b", "c": "", "d": null})));
        for (labels, may_remove) in [(&["d-"][..], false), (&["d"], true), (&["a=b", "a=c"], true)] {
            assert!(read(labels, may_remove).is_err(), "{labels:?}");
        }
    }
}
