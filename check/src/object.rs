//! What the objects of a document are to us.

use fleetgate_webhooks::line::one_line;
use fleetgate_webhooks::{FieldPath, Kind};
use serde_json::Value;

use super::identity::{Identity, identify};

/// An object of a kind that Fleetgate serves.
#[derive(Debug)]
pub struct Object {
    /// Which kind it is.
    pub kind: Kind,
    /// The version that it is written in, perhaps not the one that is served.
    pub version: String,
    /// The object, in the namespace that kubectl would put it into.
    pub value: Value,
}

/// Where kubectl puts what names no namespace, unless it is told otherwise.
const NAMESPACE: &str = "default";

impl Object {
    /// The object that `value` is, if it is of a kind of ours.
    pub(super) fn of(value: Value) -> Option<Self> {
        match identify(&value) {
            Ok(Identity::Ours(kind, version)) => Some(Self::new(kind, version, value, NAMESPACE)),
            _ => None,
        }
    }

    fn new(kind: Kind, version: String, mut value: Value, namespace: &str) -> Self {
        if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
            let written = metadata.entry("namespace").or_insert(Value::Null);
            // As kubectl takes an empty one.
            if written.is_null() || written == "" {
                *written = namespace.into();
            }
        }
        Self { kind, version, value }
    }

    /// What a user calls it: `Application default/shop`. The name of one that
    /// gets its name from the API server ends with `*`. Anyone may have named
    /// it, and this is printed: it is a line.
    pub fn name(&self) -> String {
        let text = |field: &str| self.value.get("metadata")?.get(field)?.as_str();
        let namespace = text("namespace").unwrap_or(NAMESPACE);
        let generated = || text("generateName").map(|prefix| format!("{prefix}*"));
        let name = text("name").map(str::to_owned).or_else(generated).unwrap_or_default();
        one_line(&format!("{} {namespace}/{name}", self.kind.as_str())).into_owned()
    }
}

/// The objects of a document, each with its path in it.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) ours: Vec<(FieldPath, Object)>,
    pub(super) others: Vec<(FieldPath, Value)>,
    /// What should be an object and is none, or none of ours.
    pub(super) misfits: Vec<Misfit>,
}

/// Something that there can be no verdict on.
#[derive(Debug)]
pub(super) struct Misfit {
    /// What is wrong with it.
    pub(super) path: FieldPath,
    pub(super) message: String,
    /// Whether it is meant to be an object of ours.
    pub(super) is_ours: bool,
    /// Whether it lacks what every object has, and names none of our kinds.
    pub(super) is_stranger: bool,
}

impl Sorted {
    /// Whether there is a Secret among the objects, of which nothing is printed.
    pub(super) fn has_secret(&self) -> bool {
        self.others.iter().any(|(_, other)| other["kind"] == "Secret")
    }

    /// Lets the document pass, of which we were told to read the whole folder,
    /// if it is no object: a tool's configuration, a chart's values. Returns how
    /// many have passed.
    pub(super) fn pass_strangers(&mut self) -> usize {
        let before = self.misfits.len();
        // A List's items are meant to be objects.
        self.misfits.retain(|misfit| !misfit.is_stranger || !misfit.path.segments().is_empty());
        before - self.misfits.len()
    }
}

/// Sorts a document's objects: the one that it is, or a List's items.
pub(super) fn sort(document: Value) -> Sorted {
    sort_in(document, NAMESPACE)
}

/// The same of a document whose objects are meant for `namespace` where they name none.
pub(super) fn sort_in(document: Value, namespace: &str) -> Sorted {
    let mut sorted = Sorted::default();
    add(FieldPath::root(), document, namespace, &mut sorted);
    sorted
}

fn add(path: FieldPath, value: Value, namespace: &str, sorted: &mut Sorted) {
    match identify(&value) {
        Ok(Identity::Ours(kind, version)) => {
            sorted.ours.push((path, Object::new(kind, version, value, namespace)));
        }
        Ok(Identity::List) => {
            for (index, item) in items(value).into_iter().enumerate() {
                add(path.field("items").index(index), item, namespace, sorted);
            }
        }
        Ok(Identity::Other) => sorted.others.push((path, value)),
        Err(misfit) => sorted.misfits.push(Misfit { path: path.join(&misfit.path), ..*misfit }),
    }
}

impl Misfit {
    /// What is meant to be an object of ours, and has that wrong with one of its fields.
    pub(super) fn ours(field: &'static str, message: String) -> Box<Self> {
        Box::new(Self { path: FieldPath::root().field(field), message, is_ours: true, is_stranger: false })
    }
}

/// A List's items. Those of one kind may leave out what the List says already.
fn items(list: Value) -> Vec<Value> {
    let Value::Object(mut list) = list else {
        return Vec::new();
    };
    let Some(Value::Array(mut items)) = list.remove("items") else {
        return Vec::new();
    };
    let text = |field: &str| list.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind").trim_end_matches("List"));
    if !kind.is_empty() {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.entry("apiVersion").or_insert_with(|| api_version.into());
            item.entry("kind").or_insert_with(|| kind.into());
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn application(name: &str) -> Value {
        json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": name}})
    }

    #[test]
    fn lists_are_their_items() {
        let inner = json!({"apiVersion": "v1", "kind": "List", "items": [application("a"), {"apiVersion": "v1", "kind": "Secret"}]});
        let typed = json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "ApplicationList", "items": [{"metadata": {"name": "b"}}]});
        let outer = json!({"apiVersion": "v1", "kind": "List", "items": [inner, typed, "no object"]});
        let sorted = sort(outer);
        let found: Vec<String> =
            sorted.ours.iter().map(|(path, object)| format!("{path} {}", object.name())).collect();
        assert_eq!(
            found,
            ["items[0].items[0] Application default/a", "items[1].items[0] Application default/b"]
        );
        assert!(sorted.has_secret());
        let misfits: Vec<String> = sorted.misfits.iter().map(|misfit| misfit.path.to_string()).collect();
        assert_eq!(misfits, ["items[2]"]);
    }

    #[test]
    fn what_is_no_object_may_pass_and_what_is_meant_to_be_ours_may_not() {
        let table = [
            (json!({"name": "web", "scripts": {}}), 1),
            (json!(["a", "list"]), 1),
            (json!("text"), 1),
            (json!({"apiVersion": "v2", "name": "chart", "version": "1.0.0"}), 1),
            (json!({"kind": "pipeline"}), 1),
            (json!({"kind": "Application"}), 0),
            (json!({"kind": "Aplication", "metadata": {}}), 0),
            (json!({"apiVersion": "fleet.kurator.dev/v1alpha1", "knd": "Fleet"}), 0),
            (json!({"apiVersion": "fleet.kurator.dev"}), 0),
            (json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Aplication"}), 0),
            (json!({"apiVersion": "v1", "kind": "List", "items": [{}]}), 0),
        ];
        for (document, expected) in table {
            let mut sorted = sort(document.clone());
            assert_eq!(sorted.misfits.len(), 1, "{document}");
            assert_eq!(sorted.pass_strangers(), expected, "{document}");
            assert_eq!(sorted.misfits.len(), 1 - expected, "{document}");
        }
    }

    #[test]
    fn an_empty_namespace_is_the_default_one() {
        for namespace in [json!(null), json!("")] {
            let mut object = application("shop");
            object["metadata"]["namespace"] = namespace;
            assert_eq!(sort(object).ours[0].1.name(), "Application default/shop");
        }
    }

    #[test]
    fn objects_are_called_by_their_names() {
        let name = |metadata: Value| {
            let mut value = application("");
            value["metadata"] = metadata;
            Object::of(value).expect("ours").name()
        };
        assert_eq!(name(json!({"name": "shop", "namespace": "web"})), "Application web/shop");
        assert_eq!(name(json!({"generateName": "shop-"})), "Application default/shop-*");
        assert_eq!(name(json!(null)), "Application default/");
        assert_eq!(
            name(json!({"name": "a\n::error::", "namespace": "\u{4}"})),
            "Application \\u{4}/a\\n::error::"
        );
    }
}
