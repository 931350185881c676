use super::*;
use fleetgate_api::Fleet;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, DynamicObject, ObjectList, WatchEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a text becomes that comes in pieces of that length.
fn read(text: &str, length: usize) -> String {
    let mut answer = Answer::default();
    let pieces = text.as_bytes().chunks(length);
    let read: Vec<u8> = pieces.flat_map(|piece| answer.readable(Bytes::copy_from_slice(piece))).collect();
    String::from_utf8(read).expect("as much UTF-8 as before")
}

fn fields(key: &str, time: &str) -> Value {
    json!([{"manager": "x", key: "2026-01-01T00:00:00Z"}, {"fieldsV1": {"f:time": {}, "time": {}}, key: time}])
}

/// An object with times wherever one can stand, below that key; of the same in other places nothing changes.
fn object(key: &str) -> Value {
    json!({
        "metadata": {
            "name": "a", "managedFields": fields(key, LAST),
            "annotations": {"time": LAST, "a\"managedFields": LAST, "\\": LAST},
        },
        "spec": {
            "time": LAST, "metadata": {"managedFields": fields("time", LAST)},
            "items": [{"metadata": {"managedFields": fields("time", LAST)}}], "text": "\"time\":\"9999",
        },
    })
}

const LAST: &str = "9999-12-31T23:59:59Z";

#[test]
fn only_the_times_of_managed_fields_are_passed_over() {
    let list = |key: &str| json!({"kind": "List", "metadata": {}, "items": [object(key), object(key)]});
    let told = |key: &str| json!({"type": "ADDED", "object": object(key)});
    for shape in [object, list, told] {
        let (before, after) = (shape("time").to_string(), shape("tim_").to_string());
        for length in [1, 2, 7, before.len()] {
            assert_eq!(read(&before, length), after, "in pieces of {length}");
            let lines = format!("{before}\n{before}\n");
            assert_eq!(read(&lines, length), format!("{after}\n{after}\n"), "in pieces of {length}");
        }
    }
}

#[test]
fn a_list_can_be_read_whenever_its_objects_were_written() {
    for time in [LAST, "10000-01-01T00:59:59Z", "-0001-12-31T23:00:00Z"] {
        let namespaces = json!({
            "apiVersion": "v1", "kind": "NamespaceList", "metadata": {},
            "items": [{"metadata": {"name": "a", "managedFields": fields("time", time)}}],
        });
        let text = namespaces.to_string();
        serde_json::from_str::<ObjectList<Namespace>>(&text).expect_err("what this is for");
        let list: ObjectList<Namespace> = serde_json::from_str(&read(&text, text.len())).expect("a list");
        assert_eq!(list.items.len(), 1, "{time}");
    }
}

/// That many values, one in the other, as a text: to write them recursively would end the test.
fn nested(levels: usize) -> String {
    format!("{}[\"}}\\\"\"]{}", "{\"time\":[".repeat(levels / 2), "]}".repeat(levels / 2))
}

/// A Fleet and what it has at `spec`, `status` and in its `managedFields`.
fn fleet(name: &str, [spec, status, fields]: [&str; 3]) -> String {
    format!(
        r#"{{"apiVersion":"fleet.kurator.dev/v1alpha1","kind":"Fleet","metadata":{{"name":"{name}","managedFields":[{{"time":"2026-01-01T00:00:00Z","fieldsV1":{fields}}}]}},"spec":{{"clusters":{spec}}},"status":{{"x":{status}}}}}"#
    )
}

#[test]
fn what_is_nested_too_deep_holds_up_nothing_else() {
    let plain = || fleet("plain", ["[]", "{}", "{}"]);
    for levels in [126, 130, 200, 100_000] {
        let deep = nested(levels);
        // (what the Fleet says, whether it can be read)
        let table = [(["[]", "{}", &deep], true), (["[]", &deep, "{}"], true), ([&deep, "{}", "{}"], false)];
        for (said, is_readable) in table {
            let items = [plain(), fleet("deep", said), plain()].join(",");
            let list = format!(r#"{{"kind":"FleetList","metadata":{{}},"items":[{items}]}}"#);
            serde_json::from_str::<ObjectList<DynamicObject>>(&list).expect_err("what this is for");
            for length in [7, list.len()] {
                let text = read(&list, length);
                let guarded: ObjectList<DeserializeGuard<Fleet>> =
                    serde_json::from_str(&text).expect("a list");
                let readable: Vec<bool> = guarded.items.iter().map(|fleet| fleet.0.is_ok()).collect();
                assert_eq!(readable, [true, is_readable, true], "{levels}");
                let all: ObjectList<DynamicObject> = serde_json::from_str(&text).expect("a list");
                let specs = all.items.iter().map(|fleet| fleet.data["spec"].is_object());
                assert_eq!(specs.collect::<Vec<_>>(), readable, "half of a spec is none");
                let event = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", fleet("deep", said));
                let event: WatchEvent<DeserializeGuard<Fleet>> =
                    serde_json::from_str(&read(&event, length)).expect("an event");
                assert!(matches!(event, WatchEvent::Added(fleet) if fleet.0.is_ok() == is_readable));
            }
        }
    }
}

/// As deep as admission takes a spec, and deeper.
#[test]
fn what_is_not_too_deep_stays_as_it_is() {
    for levels in [2, 64, 92] {
        let deep = nested(levels);
        let items = [fleet("a", [&deep, &deep, "{}"]), fleet("b", ["[]", "{}", "{}"])].join(",");
        let list = format!(r#"{{"kind":"FleetList","metadata":{{}},"items":[{items}]}}"#);
        assert_eq!(read(&list, 7), list.replace(r#""time":"2026"#, r#""tim_":"2026"#), "{levels}");
    }
}

proptest! {
    /// Whatever it is, and in whatever pieces it comes: nothing else changes, and nothing panics.
    #[test]
    fn nothing_else_is_touched(text in "[\\[\\]{}:,\"\\\\ 9a-z\n]{0,60}|(\"metadata\":|\"managedFields\":|\"time\":|[{}\\[\\],]){0,20}", length in 1_usize..9) {
        let read = read(&text, length);
        prop_assert_eq!(read.len(), text.len());
        prop_assert!(read.bytes().zip(text.bytes()).all(|(now, was)| now == was || (now, was) == (b'_', b'e')));
        prop_assert_eq!(read, self::read(&text, text.len().max(1)));
    }
}
