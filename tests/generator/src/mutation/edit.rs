//! How an object is changed at one place.

use serde_json::Value;

/// Sets a field of the object at `pointer`, if there is such an object.
pub(super) fn set(app: &mut Value, pointer: &str, field: &str, value: Value) -> bool {
    match app.pointer_mut(pointer) {
        Some(Value::Object(fields)) => {
            fields.insert(field.to_owned(), value);
            true
        }
        _ => false,
    }
}

/// Sets a field that is there.
pub(super) fn replace(app: &mut Value, pointer: &str, field: &str, value: Value) -> bool {
    app.pointer(pointer).is_some_and(|object| object.get(field).is_some()) && set(app, pointer, field, value)
}

/// Sets a field of every object that the one at `pointer` holds, where it is there.
pub(super) fn replace_in(app: &mut Value, pointer: &str, field: &str, value: Value) -> bool {
    let Some(Value::Object(objects)) = app.pointer_mut(pointer) else {
        return false;
    };
    let mut found = objects.values_mut().filter_map(|object| object.get_mut(field)).peekable();
    let is_there = found.peek().is_some();
    found.for_each(|old| *old = value.clone());
    is_there
}

pub(super) fn remove(app: &mut Value, pointer: &str, field: &str) -> bool {
    match app.pointer_mut(pointer) {
        Some(Value::Object(fields)) => fields.remove(field).is_some(),
        _ => false,
    }
}
