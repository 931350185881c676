//! YAML files as a plane's objects: parsed here, rewritten by `webhooks`, written by `apply`.
//!
//! ```text
//! file ──documents──► objects ──webhooks::redirect──► objects ──apply──► API server
//! ```

mod apply;
pub(crate) mod webhooks;

use std::path::Path;

use anyhow::{Context as _, bail};
use kube::api::DynamicObject;
use serde_json::Value;

use crate::files;

pub(crate) use apply::{MANAGER, apply};

/// The objects of one YAML file, or of all `*.yaml` files of a folder.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<DynamicObject>> {
    let files = if path.is_dir() { files::list(path, "yaml")? } else { vec![path.to_owned()] };
    let mut objects = Vec::new();
    for file in files {
        objects.extend(documents(&files::read(&file)?).with_context(|| format!("in {}", file.display()))?);
    }
    Ok(objects)
}

/// The objects of a YAML text with any number of documents; empty ones are passed over, Lists unfolded.
fn documents(text: &str) -> anyhow::Result<Vec<DynamicObject>> {
    let values: Vec<Value> = serde_saphyr::from_multiple(text).context("not valid YAML")?;
    let mut objects = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        for item in unfold(value) {
            objects.push(object(item, index)?);
        }
    }
    Ok(objects)
}

fn unfold(mut document: Value) -> Vec<Value> {
    if document.is_null() {
        return Vec::new();
    }
    let is_list = document.get("kind").and_then(Value::as_str) == Some("List");
    match document.get_mut("items") {
        Some(Value::Array(items)) if is_list => std::mem::take(items),
        _ => vec![document],
    }
}

fn object(value: Value, index: usize) -> anyhow::Result<DynamicObject> {
    let object: DynamicObject = serde_json::from_value(value)
        .with_context(|| format!("document {} is not a Kubernetes object", index + 1))?;
    if object.types.is_none() || object.metadata.name.is_none() {
        bail!("document {} has no apiVersion, kind or metadata.name", index + 1);
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_documents() {
        let one = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n\
                    - {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n";
        let text = format!("# a comment\n---\n{one}---\n# nothing\n---\n{list}");
        let names: Vec<_> =
            documents(&text).unwrap().into_iter().filter_map(|object| object.metadata.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn names_the_document_at_fault() {
        let error =
            documents("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\nkind: Pod\n").unwrap_err();
        assert!(format!("{error:#}").starts_with("document 2 "), "{error:#}");
    }
}
