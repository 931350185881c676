//! What is kept of an object between the way through all files, which makes the
//! Catalog, and its judgement: a few hundred bytes.
//!
//! Parsing costs more than judging, so that an object is parsed once. Its
//! places in the file are not kept, since most objects need none.

use std::sync::LazyLock;

use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::{FieldPath, Kind};
use lz4_flex::block::{compress_prepend_size_with_dict, decompress_size_prepended_with_dict};
use serde_json::Value;

use super::object::Object;
use super::reading::Reading;
use super::yaml::Extent;

/// The longest content that is kept, in bytes. A longer one is read again.
const MAX_CONTENT: usize = 720;

/// An object, and where to find it again.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) document: Extent,
    /// The object's path in its document.
    pub(super) path: FieldPath,
    /// Whether the document's lines may be printed: there is no Secret in it.
    pub(super) may_be_shown: bool,
    content: Option<Box<[u8]>>,
}

impl Kept {
    pub(super) fn new(document: Extent, path: FieldPath, object: &Object, may_be_shown: bool) -> Self {
        let content = compressed(&object.value).filter(|content| content.len() <= MAX_CONTENT);
        Self { document, path, may_be_shown, content: content.map(Vec::into_boxed_slice) }
    }

    /// The object, from `file` only where it is too long to be kept.
    pub(super) fn object(&self, file: &mut Reading<'_>) -> Option<Object> {
        match &self.content {
            Some(content) => decompressed(content).and_then(Object::of),
            None => file.object(self.document, &self.path),
        }
    }
}

fn compressed(value: &Value) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).ok()?;
    Some(compress_prepend_size_with_dict(&json, &USUAL))
}

fn decompressed(content: &[u8]) -> Option<Value> {
    let json = decompress_size_prepended_with_dict(content, &USUAL).ok()?;
    serde_json::from_slice(&json).ok()
}

/// What most of an object is made of: the fields that our kinds have, as they
/// stand in JSON, and how each kind begins. The Application comes last, as the
/// compression likes best what is nearest.
static USUAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut json = String::new();
    for kind in [Kind::AttachedCluster, Kind::Fleet, Kind::Application] {
        write_fields(kind.schema().root(), &mut json);
        let (group, kind) = (kind.group(), kind.as_str());
        json.extend([r#"{"apiVersion":""#, group, "/", VERSION, r#"","kind":""#, kind]);
        json.push_str(r#"","metadata":{"name":""#);
    }
    json.into_bytes()
});

/// Writes an object that has every field of `schema`, with the beginning of a value.
fn write_fields(schema: &Value, json: &mut String) {
    let fields = schema.get("properties").and_then(Value::as_object);
    // What the API server writes stands in few files.
    let fields =
        fields.into_iter().flatten().filter(|(name, _)| !matches!(name.as_str(), "metadata" | "status"));
    let mut before = "{\"";
    for (name, child) in fields {
        json.extend([before, name, "\":"]);
        before = "\",\"";
        write_fields(child, json);
    }
    if let Some(items) = schema.get("items") {
        json.push('[');
        write_fields(items, json);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => json.push('"'),
        Some("boolean") => json.push_str("true"),
        Some("object") => json.push('}'),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::input::Input;
    use crate::check::object::sort;
    use crate::check::yaml;
    use serde_json::json;

    fn objects(text: &str) -> Vec<(Extent, FieldPath, Object)> {
        let mut objects = Vec::new();
        yaml::read(text, |extent, value| {
            let ours = sort(value.expect("YAML")).ours.into_iter();
            objects.extend(ours.map(|(path, object)| (extent, path, object)));
        });
        objects
    }

    #[test]
    fn what_is_kept_is_the_object() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/admission");
        let input = Input::stdin(String::new());
        for entry in std::fs::read_dir(folder).expect("the cases") {
            let text = std::fs::read_to_string(entry.expect("a case").path()).expect("the case");
            for (extent, place, object) in objects(&text) {
                let kept = Kept::new(extent, place, &object, true);
                if kept.content.is_some() {
                    let again = kept.object(&mut Reading::new(&input)).expect("the object");
                    assert_eq!(again.value, object.value);
                }
            }
        }
    }

    #[test]
    fn an_application_with_a_rollout_is_kept() {
        let text = include_str!("../../tests/cases/admission/example-canaryNginx.yaml");
        let (extent, place, object) = objects(text).swap_remove(0);
        assert!(Kept::new(extent, place, &object, true).content.is_some());
    }

    #[test]
    fn a_long_object_is_read_again() {
        let values: Vec<String> = (0..1_000).map(|number| format!("v{number}")).collect();
        let long = json!({"metadata": {"name": "long"}, "values": values});
        let short = json!({"metadata": {"name": "short"}});
        let list = json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "ApplicationList", "items": [long, short, long]});
        let text = format!("# a comment\n---\n{list}");
        let kept: Vec<(Kept, Object)> = objects(&text)
            .into_iter()
            .map(|(extent, path, object)| (Kept::new(extent, path, &object, true), object))
            .collect();
        let sizes: Vec<bool> = kept.iter().map(|(kept, _)| kept.content.is_some()).collect();
        assert_eq!(sizes, [false, true, false]);
        let (same, changed) = (Input::stdin(text), Input::stdin("changed".to_owned()));
        let mut reading = Reading::new(&same);
        for (kept, object) in &kept {
            assert_eq!(kept.object(&mut reading).expect("the object").value, object.value);
        }
        assert!(kept[0].0.object(&mut Reading::new(&changed)).is_none());
    }
}
