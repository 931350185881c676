//! The objects of some files, for whoever judges them beside what a cluster has.

use std::path::PathBuf;

use fleetgate_plan::Catalog;
use serde_json::Value;

use super::facts::{Fact, Learnt};
use super::input::{Input, find};
use super::object::{Object, sort_in};
use super::report::Remark;
use super::yaml;

/// The objects of our kinds in some files.
#[derive(Debug, Default)]
pub struct Objects {
    /// In the order of the files.
    pub objects: Vec<Object>,
    /// What there is no verdict on, a line each.
    pub unreadable: Vec<String>,
}

/// Reads the objects below `files`; one that names no namespace is meant for `namespace`.
#[must_use]
pub fn objects(files: &[PathBuf], namespace: &str) -> Objects {
    let mut objects = Objects::default();
    for input in find(files).inputs {
        objects.read(&input, namespace);
    }
    objects
}

impl Objects {
    fn read(&mut self, input: &Input, namespace: &str) {
        let text = match input.read() {
            Ok(text) => text,
            Err(reason) => {
                return self.unreadable.push(Remark::unreadable(&input.name(), None, reason).line());
            }
        };
        yaml::read(&text, |extent, document| {
            let said = match document {
                Ok(Value::Null) => return,
                Ok(document) => {
                    let mut sorted = sort_in(document, namespace);
                    if input.is_found() {
                        sorted.pass_strangers();
                    }
                    self.objects.extend(sorted.ours.into_iter().map(|(_, object)| object));
                    sorted.misfits.into_iter().map(|misfit| (extent.start, misfit.message)).collect()
                }
                Err(error) => vec![(error.position, format!("cannot be read as YAML: {}", error.message))],
            };
            let lines = said.into_iter().map(|(position, message): (_, String)| {
                Remark::unreadable(&input.name(), Some(position), message).line()
            });
            self.unreadable.extend(lines);
        });
    }

    /// `catalog`, once they are all stored there.
    #[must_use]
    pub fn stored_in(&self, catalog: Catalog) -> Catalog {
        let mut learnt = Learnt { catalog, ..Learnt::default() };
        // What cannot be read is refused by its own verdict.
        for fact in self.objects.iter().filter_map(|object| Fact::of(&object.value).ok().flatten()) {
            fact.tell(&mut learnt);
        }
        learnt.catalog
    }
}
