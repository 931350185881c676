//! Where a field belongs that stands where there is none of its name.

use std::collections::BTreeMap;

use fleetgate_api::APPLICATION_ALIASES;
use serde_json::Value;

use crate::field_path::{FieldPath, Segment};

/// Any item of a list, as a step.
const ITEM: &str = "[]";

/// What every reference has: that there is a place tells nobody where to go.
const OF_ANY_REFERENCE: [&str; 5] = ["apiVersion", "key", "kind", "name", "namespace"];

/// The steps from the root to a field of the schema.
type Place<'a> = Vec<&'a str>;

/// Where the fields of each name stand in a schema.
#[derive(Debug)]
pub(super) struct Places<'a>(BTreeMap<&'a str, Vec<Place<'a>>>);

impl<'a> Places<'a> {
    /// Those that users write, by the names that are stored.
    pub(super) fn of(schema: &'a Value) -> Self {
        let mut places = Self(BTreeMap::new());
        places.collect(schema, &mut Vec::new());
        places
    }

    fn collect(&mut self, schema: &'a Value, place: &mut Place<'a>) {
        for (field, child) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // The status is not written by users.
            if place.is_empty() && field == "status" || is_early_name(field) {
                continue;
            }
            place.push(field);
            self.0.entry(field).or_default().push(place.clone());
            self.collect(child, place);
            place.pop();
        }
        if let Some(items) = schema.get("items") {
            place.push(ITEM);
            self.collect(items, place);
            place.pop();
        }
    }

    /// Where a field of that name belongs that stands at `parent` of `object`:
    /// as near to it as possible, which is below what it stands in, or else in
    /// what is around that. Nowhere, if there are several such places.
    pub(super) fn belongs(&self, name: &str, parent: &FieldPath, object: &Value) -> Option<String> {
        let name = APPLICATION_ALIASES.iter().find(|alias| alias.old == name).map_or(name, |alias| alias.new);
        let here: Place<'_> = parent.segments().iter().map(step).collect();
        // What is written into the spec is not meant for the metadata.
        let is_meant =
            |place: &&Place<'_>| here.first() != Some(&"spec") || place.first() != Some(&"metadata");
        let places: Vec<&Place<'a>> = self.0.get(name)?.iter().filter(is_meant).collect();
        if OF_ANY_REFERENCE.contains(&name) && places.len() > 1 && !here.is_empty() {
            return None;
        }
        let (length, below) = (0..=here.len()).rev().find_map(|length| {
            let below = places.iter().filter_map(|place| place.strip_prefix(here.get(..length)?));
            let below: Vec<&[&str]> = below.collect();
            (!below.is_empty()).then_some((length, below))
        })?;
        let around = FieldPath::from(parent.segments().get(..length)?.to_vec());
        Some(written(&around, nearest(&below, around.get(object)?)?))
    }
}

pub(super) fn is_early_name(field: &str) -> bool {
    APPLICATION_ALIASES.iter().any(|alias| alias.old == field)
}

fn step(segment: &Segment) -> &str {
    match segment {
        Segment::Field(name) => name,
        Segment::Index(_) => ITEM,
    }
}

/// The one place to which the fewest steps lead; of several, the one whose
/// parent is in the object.
fn nearest<'p>(places: &[&'p [&'p str]], object: &Value) -> Option<&'p [&'p str]> {
    // A list's items are a step further than they look: which one is meant?
    let steps = |place: &&[&str]| place.len() + place.iter().filter(|step| **step == ITEM).count();
    let fewest = places.iter().map(steps).min()?;
    let near: Vec<&[&str]> = places.iter().copied().filter(|place| steps(place) == fewest).collect();
    if let [one] = *near {
        return Some(one);
    }
    let mut there = near.into_iter().filter(|place| has_parent(object, place));
    there.next().filter(|_| there.next().is_none())
}

/// Whether that which the place is in is in the object.
fn has_parent(value: &Value, place: &[&str]) -> bool {
    match place {
        [] | [_] => true,
        [step, rest @ ..] if *step == ITEM => {
            value.as_array().into_iter().flatten().any(|item| has_parent(item, rest))
        }
        [field, rest @ ..] => value.get(field).is_some_and(|child| has_parent(child, rest)),
    }
}

fn written(around: &FieldPath, place: &[&str]) -> String {
    let mut text = around.to_string();
    for step in place {
        if !text.is_empty() && *step != ITEM {
            text.push('.');
        }
        text.push_str(step);
    }
    text
}
