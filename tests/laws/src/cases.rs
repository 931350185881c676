//! The cases of `tests/cases/`, and the Catalog that they are judged against.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fleetgate_plan::{Catalog, Cluster};
use serde_json::Value;
use walkdir::WalkDir;

/// The Catalog of `tests/cases/catalog.yaml`.
#[must_use]
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        let mut catalog = Catalog::default();
        for object in documents(include_str!("../../cases/catalog.yaml")) {
            insert(&mut catalog, object);
        }
        catalog
    });
    &CATALOG
}

fn insert(catalog: &mut Catalog, object: Value) {
    let change = match object.get("kind").and_then(Value::as_str) {
        Some("Fleet") => catalog.insert_fleet(&serde_json::from_value(object).expect("a Fleet")),
        Some("AttachedCluster") => {
            let cluster = serde_json::from_value(object).expect("an AttachedCluster");
            catalog.insert_cluster(Cluster::from(&cluster))
        }
        Some("Application") => {
            catalog.insert_application(&serde_json::from_value(object).expect("an Application"))
        }
        other => panic!("the catalog has an object of kind {other:?}"),
    };
    assert!(change.is_some(), "the catalog names an object twice");
}

/// The objects of every case and every example, in the order of the files.
pub fn objects() -> impl Iterator<Item = Value> {
    let files = ["tests/cases/admission", "examples"].into_iter().flat_map(files);
    files.flat_map(|path| {
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        documents(&text)
    })
}

/// Every file below a folder of the repository, in the order of their names;
/// none, if there is no such folder.
pub(crate) fn files(folder: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = WalkDir::new(root.join(folder)).sort_by_file_name().into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}
