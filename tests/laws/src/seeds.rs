//! What a search for broken laws begins with.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

use crate::cases::files;
use crate::{objects, request};

/// The seeds of that law.
#[must_use]
pub fn of(law: &str) -> Vec<Vec<u8>> {
    let text = |value: Value| value.to_string().into_bytes();
    match law {
        "review" => objects().flat_map(|object| requests(&object)).map(text).collect(),
        "patch" => objects().flat_map(|object| changes(&object)).collect(),
        // Both as they are written, and as what is mutated as JSON.
        "check" => {
            let files = read(&["tests/cases/admission", "examples", "fuzz/seeds/check"]);
            files.into_iter().chain(objects().map(text)).collect()
        }
        other => read(&[&format!("fuzz/seeds/{other}")]),
    }
}

/// Every input that once broke that law.
#[must_use]
pub fn kept(law: &str) -> Vec<Vec<u8>> {
    read(&[&format!("fuzz/regressions/{law}")])
}

fn read(folders: &[&str]) -> Vec<Vec<u8>> {
    let files = folders.iter().flat_map(|folder| files(folder));
    files.map(|path| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

/// What may be asked of an object.
fn requests(object: &Value) -> [Value; 3] {
    let mut before = object.clone();
    json_patch::merge(&mut before, &json!({"spec": {"syncPolicies": null, "clusters": null}}));
    [request::create(object), request::update(object, &before), request::delete(object)]
}

/// An object, and what may be done to it.
fn changes(object: &Value) -> [Vec<u8>; 2] {
    let other = json!({"spec": {"destination": {"fleet": "other"}, "syncPolicies": []}});
    [json!({}), other].map(|change| format!("{object}\n{change}").into_bytes())
}

/// Writes the seeds of every law into a folder of its own, and `dictionary`
/// with the words that inputs are made of.
///
/// # Errors
///
/// When a file cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    for (law, _) in crate::LAWS {
        let folder = folder.join("seeds").join(law);
        fs::create_dir_all(&folder)?;
        for (number, seed) in of(law).into_iter().chain(kept(law)).enumerate() {
            fs::write(folder.join(number.to_string()), seed)?;
        }
    }
    let words = words().into_iter().map(|word| format!("{word:?}\n"));
    fs::write(folder.join("dictionary"), words.collect::<String>())
}

/// The names and the enumerated values of the CRDs.
pub(crate) fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for crd in fleetgate_api::crds() {
        let CustomResourceDefinition { spec, .. } = crd;
        collect(&serde_json::to_value(spec).expect("a CRD is JSON"), &mut words);
    }
    words
}

fn collect(schema: &Value, words: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let names = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
            words.extend(names.map(|(name, _)| name.clone()));
            let values = fields.get("enum").and_then(Value::as_array).into_iter().flatten();
            words.extend(values.filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect(field, words));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        _ => {}
    }
}
