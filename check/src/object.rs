//! What the objects of a document are to us.

use fleetgate_webhooks::line::one_line;
use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::{FieldPath, Kind, names};
use serde_json::Value;

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
    fn ours(field: &'static str, message: String) -> Box<Self> {
        Box::new(Self { path: FieldPath::root().field(field), message, is_ours: true, is_stranger: false })
    }
}

/// What an object is to us.
enum Identity {
    /// One of our kinds, in that version.
    Ours(Kind, String),
    /// A List, as `kubectl get -o yaml` writes it, or one of a kind, as the API
    /// server does.
    List,
    /// Somebody else's.
    Other,
}

fn identify(value: &Value) -> Result<Identity, Box<Misfit>> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        let message = "is no Kubernetes object: it has no apiVersion and kind".to_owned();
        let is_stranger = !names_ours(text("apiVersion"), text("kind"));
        return Err(Box::new(Misfit { path: FieldPath::root(), message, is_ours: false, is_stranger }));
    };
    if (api_version, kind) == ("v1", "List") || kind.ends_with("List") && value["items"].is_array() {
        return Ok(Identity::List);
    }
    let Some((group, version)) = api_version.split_once('/') else {
        return match Kind::of(api_version, kind) {
            Some(kind) => {
                let message = format!("has no version: write {}/{VERSION}", kind.group());
                Err(Misfit::ours("apiVersion", message))
            }
            None => Ok(Identity::Other),
        };
    };
    if let Some(kind) = Kind::of(group, kind) {
        return Ok(Identity::Ours(kind, version.to_owned()));
    }
    let mut known = Kind::ALL.into_iter().filter(|known| known.group() == group).map(Kind::as_str);
    let hint = if is_all_ours(group) { names::suggest(kind, known) } else { near(kind, &mut known) };
    match hint {
        Some(hint) => {
            let message = format!("is no kind of {}: {kind:?}; {hint}", one_line(api_version));
            Err(Misfit::ours("kind", message))
        }
        None => Ok(Identity::Other),
    }
}

/// Whether what is written of an object's type is one of ours: a `Chart.yaml`
/// has an apiVersion, too.
fn names_ours(api_version: Option<&str>, kind: Option<&str>) -> bool {
    let group = api_version.map(|text| text.split_once('/').map_or(text, |(group, _)| group));
    let is_near = |kind| names::nearest(kind, Kind::ALL.into_iter().map(Kind::as_str)).is_some();
    group.is_some_and(|group| Kind::ALL.iter().any(|known| known.group() == group))
        || kind.is_some_and(is_near)
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

/// The group of the clusters has kinds of other controllers, too.
fn is_all_ours(group: &str) -> bool {
    [Kind::Application, Kind::Fleet].iter().any(|kind| kind.group() == group)
}

fn near<'a>(kind: &str, known: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    names::nearest(kind, known).map(|near| format!("did you mean {near:?}?"))
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
    fn a_group_alone_is_no_api_version() {
        let of = |api_version: &str, kind: &str| sort(json!({"apiVersion": api_version, "kind": kind}));
        let misfits = of("apps.kurator.dev", "Application").misfits;
        assert_eq!(misfits.len(), 1);
        assert!(misfits[0].message.contains("apps.kurator.dev/v1alpha1"), "{misfits:?}");
        assert_eq!(of("v1", "Application").others.len(), 1);
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
