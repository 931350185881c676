//! The laws of an object's life: created, left alone, changed, deleted.

use fleetgate_webhooks::{Endpoint, Kind};
use serde_json::{Deserializer, Value, json};

use crate::request;
use crate::review::{answer, apply, review};

/// `documents` are an object and a merge patch of it. Whatever they are, the
/// laws of a review hold for every step; what is stored can be stored again
/// without a patch and a denial, and can go.
pub fn update(documents: &[u8]) {
    let mut documents = Deserializer::from_slice(documents).into_iter::<Value>();
    let (Some(Ok(object)), Some(Ok(change))) = (documents.next(), documents.next()) else { return };
    let creation = request::create(&object);
    review(creation.to_string().as_bytes());
    let mut changed = object.clone();
    json_patch::merge(&mut changed, &change);
    // What was stored before there was a gate is updated, too.
    review(request::update(&changed, &object).to_string().as_bytes());
    if let Some(stored) = stored(object, &creation) {
        left_alone(&stored);
        review(request::update(&changed, &stored).to_string().as_bytes());
        review(request::delete(&stored).to_string().as_bytes());
    }
}

/// What is stored of an object that is created; nothing, if it is refused.
fn stored(mut object: Value, creation: &Value) -> Option<Value> {
    let response = answer(creation.to_string().as_bytes(), Endpoint::Mutating);
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    let kind = Kind::of(group, text("kind")).filter(|_| response.allowed)?;
    match response.patch {
        Some(patch) => apply(&patch, kind, &mut object),
        None => kind.schema().prepare(&mut object),
    }
    Some(object)
}

/// Nothing is in the way of a label, nor of what is stored as it is.
fn left_alone(stored: &Value) {
    let mut labelled = stored.clone();
    json_patch::merge(&mut labelled, &json!({"metadata": {"labels": {"a": "b"}}}));
    for object in [stored, &labelled] {
        let body = request::update(object, stored).to_string();
        for endpoint in [Endpoint::Mutating, Endpoint::Validating] {
            let response = answer(body.as_bytes(), endpoint);
            assert!(response.allowed, "{endpoint:?} refuses what is stored: {}", response.result.message);
            assert!(response.patch.is_none(), "{endpoint:?} patches what is stored: {body}");
        }
    }
}
