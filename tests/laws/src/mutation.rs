//! JSON that is mutated as JSON.
//!
//! Bytes that are changed at random are rarely JSON any more, and an object
//! that cannot be read tells little. So a part of it is changed: left out,
//! moved, repeated, made of another type, or given another of the fields that
//! the CRDs have.

use std::sync::LazyLock;

use serde_json::{Deserializer, Map, Value, json};

use crate::seeds;

/// One of the documents in `text`, changed at one place that `seed` says; a
/// text is changed by `bytes`. None, if `text` is not JSON.
pub fn mutated(text: &[u8], seed: u32, bytes: impl FnOnce(&str) -> String) -> Option<Vec<u8>> {
    let documents: Result<Vec<Value>, _> = Deserializer::from_slice(text).into_iter().collect();
    let mut documents = documents.ok().filter(|documents| !documents.is_empty())?;
    let mut dice = Dice(u64::from(seed));
    let donor = dice.of(&documents)?.clone();
    let mut place = dice.below(count(&donor));
    let donor = nth(&donor, &mut place)?.clone();
    let index = dice.below(documents.len());
    let document = documents.get_mut(index)?;
    let mut place = dice.below(count(document));
    change(nth_mut(document, &mut place)?, donor, &mut dice, bytes);
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    Some(texts.join("\n").into_bytes())
}

/// Numbers that look alike for one seed, and unlike for two.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // Splitmix: neighbouring seeds have nothing in common after one step.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.roll() % count).unwrap_or_default()
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// How many values there are in a value, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum(),
        _ => 0_usize,
    }
}

/// That one of them.
fn nth<'a>(value: &'a Value, place: &mut usize) -> Option<&'a Value> {
    let Some(next) = place.checked_sub(1) else { return Some(value) };
    *place = next;
    match value {
        Value::Object(fields) => fields.values().find_map(|field| nth(field, place)),
        Value::Array(items) => items.iter().find_map(|item| nth(item, place)),
        _ => None,
    }
}

fn nth_mut<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    let Some(next) = place.checked_sub(1) else { return Some(value) };
    *place = next;
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|field| nth_mut(field, place)),
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, place)),
        _ => None,
    }
}

/// Changes a value in one of the ways that its type has.
fn change(value: &mut Value, donor: Value, dice: &mut Dice, bytes: impl FnOnce(&str) -> String) {
    match value {
        // Most of an object is texts, and most rules read them.
        Value::String(text) if dice.below(4) > 0 => *text = bytes(text),
        Value::Object(fields) if dice.below(8) > 0 => change_fields(fields, donor, dice),
        Value::Array(items) if dice.below(8) > 0 => change_items(items, donor, dice),
        _ if dice.below(2) == 0 => *value = donor,
        _ => *value = dice.of(&*ODD).cloned().unwrap_or_default(),
    }
}

/// Values at the edges of what types can hold.
static ODD: LazyLock<[Value; 14]> = LazyLock::new(|| {
    [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i32::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(""),
        json!("0s"),
        json!([]),
        json!({}),
    ]
});

fn change_fields(fields: &mut Map<String, Value>, donor: Value, dice: &mut Dice) {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| seeds::words().into_iter().collect());
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = dice.of(&names).cloned();
    let word = dice.of(&WORDS).cloned().unwrap_or_default();
    match (dice.below(4), name) {
        (0, Some(name)) => drop(fields.remove(&name)),
        (1, Some(name)) => {
            let moved = fields.remove(&name).unwrap_or_default();
            fields.insert(word, moved);
        }
        (2, Some(name)) => drop(fields.insert(name, donor)),
        _ => drop(fields.insert(word, donor)),
    }
}

fn change_items(items: &mut Vec<Value>, donor: Value, dice: &mut Dice) {
    let index = dice.below(items.len());
    let other = dice.below(items.len());
    match dice.below(4) {
        0 if !items.is_empty() => drop(items.remove(index)),
        1 if !items.is_empty() => items.swap(index, other),
        2 => items.extend(items.get(index).cloned()),
        _ => items.insert(index, donor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mutated_is_json_and_something_else() {
        let text = json!({"a": {"b": ["c", 1, null]}, "d": "e"}).to_string() + "\n{\"f\": true}";
        let mutated =
            (0..2_000).map(|seed| mutated(text.as_bytes(), seed, |text| format!("{text}!")).expect("JSON"));
        let mut others = std::collections::BTreeSet::new();
        for bytes in mutated {
            let documents: Vec<Value> =
                Deserializer::from_slice(&bytes).into_iter().collect::<Result<_, _>>().expect("JSON");
            assert_eq!(documents.len(), 2);
            others.insert(bytes);
        }
        assert!(others.len() > 200, "{}", others.len());
        assert_eq!(super::mutated(b"{\"a\"", 1, str::to_owned), None);
        assert_eq!(super::mutated(b"", 1, str::to_owned), None);
    }
}
