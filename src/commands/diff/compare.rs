//! What an Application becomes, beside the Flux objects that exist. Pure.
//!
//! Of an object that exists only that is compared which Fleetgate asks for, or
//! has asked for: what the API server and Flux fill in is nobody's wish.

use std::collections::{BTreeMap, BTreeSet};

use fleetgate_plan::prune::{self, Existing};
use fleetgate_plan::{Catalog, ClusterKey, ClusterKind, Fate, Fates, FluxKind, Plan, Target};
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::stored::Child;

/// A Flux object that is not as it would be, and on which cluster that is felt.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) place: Place,
    pub(super) kind: FluxKind,
    pub(super) name: String,
    pub(super) change: Change,
}

/// Where a difference is felt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Everywhere: the source.
    Source,
    Host,
    Member(String),
}

/// What becomes of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// It would be made.
    Gain,
    /// It would be deleted.
    Loss,
    /// It would be written: from the first to the second, as far as they were asked for.
    Write(Value, Value),
    /// It is not planned, and stays, as nobody can tell whether it should go.
    Keep,
    /// It is not planned, and held until that digest confirms that it goes.
    Hold(String),
    /// It belongs to someone else, and would not be touched.
    Conflict,
}

impl Change {
    /// Whether the object stays as it is.
    pub(super) const fn keeps(&self) -> bool {
        matches!(self, Self::Keep | Self::Hold(_))
    }
}

type Key = (FluxKind, String);

/// What would change if `after` were planned in place of `before`, in the order
/// of the places; with it comes the removal that its user confirms.
pub(super) fn compare(
    before: Option<&Plan>,
    (after, confirmed): (&Plan, Option<&str>),
    children: &[Child],
    catalog: &Catalog,
) -> Vec<Difference> {
    let existing = children.iter().filter(|child| !child.is_going());
    let existing: BTreeMap<Key, &Child> = existing.map(|child| (key(child), child)).collect();
    let formerly: BTreeMap<Key, Planned> = before
        .into_iter()
        .flat_map(planned)
        .map(|planned| ((planned.kind, planned.name()), planned))
        .collect();
    let uid = after.owner.uid.as_deref();
    let mut differences: Vec<Difference> = planned(after)
        .filter_map(|planned| {
            let key = (planned.kind, planned.name());
            let change = match existing.get(&key) {
                None => Change::Gain,
                Some(child) if !child.is_of(uid) => Change::Conflict,
                Some(child) => written(&child.object, formerly.get(&key), &planned)?,
            };
            Some(Difference { place: planned.place, kind: key.0, name: key.1, change })
        })
        .collect();
    let ours: Vec<(Key, &Child)> = existing.into_iter().filter(|(_, child)| child.is_of(uid)).collect();
    let existing: Vec<Existing<'_>> = ours.iter().map(|(_, child)| child.existing()).collect();
    let held = held(after, &existing, catalog).filter(|(digest, _)| Some(digest.as_str()) != confirmed);
    let fates = Fates::of(after, &existing);
    for ((kind, name), child) in ours {
        let change = match (fates.look_up(kind, &name, child.purpose()), &held) {
            (Fate::Planned, _) => continue,
            (Fate::Held, _) => Change::Keep,
            (Fate::Lost, Some((digest, names))) if names.contains(&(kind, name.clone())) => {
                Change::Hold(digest.clone())
            }
            (Fate::Lost | Fate::Removed, _) => Change::Loss,
        };
        let place = formerly.get(&(kind, name.clone())).map(|formerly| formerly.place.clone());
        let place = place.unwrap_or_else(|| place_of(child, catalog));
        differences.push(Difference { place, kind, name, change });
    }
    differences.sort_by(|one, other| one.place.cmp(&other.place));
    differences
}

/// What is too much to go by nobody's decision, and the digest that confirms it.
fn held(plan: &Plan, children: &[Existing<'_>], catalog: &Catalog) -> Option<(String, BTreeSet<Key>)> {
    let verdict = prune::judge(plan, children.iter().copied(), catalog.guard());
    let names = verdict.all_held().map(|held| (held.kind, held.name.to_owned())).collect();
    Some((verdict.digest()?, names))
}

fn key(child: &Child) -> Key {
    (child.kind, child.object.name_any())
}

/// An object of a plan.
struct Planned {
    place: Place,
    kind: FluxKind,
    object: DynamicObject,
}

impl Planned {
    fn name(&self) -> String {
        self.object.name_any()
    }
}

fn planned(plan: &Plan) -> impl Iterator<Item = Planned> {
    plan.writable().flat_map(|template| {
        template.bindings().map(|binding| {
            let place = match &binding.target {
                Target::Member(cluster) => Place::Member(cluster.key.to_string()),
                Target::Host if template.kind.is_source() => Place::Source,
                Target::Host => Place::Host,
            };
            Planned { place, kind: template.kind, object: template.render(&binding, &plan.owner) }
        })
    })
}

/// The cluster of an object that nothing plans any more, by its credentials.
fn place_of(child: &Child, catalog: &Catalog) -> Place {
    let Some(kubeconfig) = child.kubeconfig() else {
        return if child.kind.is_source() { Place::Source } else { Place::Host };
    };
    let namespace = child.object.namespace().unwrap_or_default();
    let key = |kind, name: &str| ClusterKey { namespace: namespace.clone(), kind, name: name.to_owned() };
    let clusters = ClusterKind::ALL
        .into_iter()
        .flat_map(|kind| catalog.cluster_names(&namespace, kind).map(move |name| (kind, name)))
        .filter_map(|(kind, name)| catalog.cluster(&key(kind, name)));
    let mut reached = clusters.filter(|cluster| cluster.kubeconfig.as_ref() == Some(&kubeconfig));
    let place = reached.next().map(|cluster| cluster.key.to_string());
    Place::Member(place.unwrap_or_else(|| format!("the cluster of Secret {}", kubeconfig.secret)))
}

/// How an object would be written; nothing, if it is as it would be.
fn written(actual: &DynamicObject, formerly: Option<&Planned>, wanted: &Planned) -> Option<Change> {
    let (actual, wanted) = (asked(actual), asked(&wanted.object));
    let formerly = formerly.map(|formerly| asked(&formerly.object));
    let actual = only_asked(&actual, Some(&wanted), formerly.as_ref());
    (actual != wanted).then_some(Change::Write(actual, wanted))
}

/// The parts of an object that differ from one to the other.
fn asked(object: &DynamicObject) -> Value {
    json!({"metadata": {"labels": object.labels()}, "spec": object.data.get("spec")})
}

/// `actual` without the fields that neither `wanted` nor `formerly` has.
fn only_asked(actual: &Value, wanted: Option<&Value>, formerly: Option<&Value>) -> Value {
    match actual {
        Value::Object(fields) => {
            let sides = [wanted, formerly].map(|side| side.and_then(Value::as_object));
            if sides.iter().all(Option::is_none) {
                return actual.clone();
            }
            let field = |(name, value): (&String, &Value)| {
                let [wanted, formerly] = sides.map(|side| side.and_then(|side| side.get(name)));
                let is_asked = wanted.is_some() || formerly.is_some();
                is_asked.then(|| (name.clone(), only_asked(value, wanted, formerly)))
            };
            Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            // Of lists of another length nobody knows which item was meant by which.
            let side = |side: Option<&'_ Value>, index: usize| {
                let side = side.and_then(Value::as_array).filter(|side| side.len() == items.len());
                side.and_then(|side| side.get(index)).cloned()
            };
            let item = |(index, item)| {
                let (wanted, formerly) = (side(wanted, index), side(formerly, index));
                only_asked(item, wanted.as_ref(), formerly.as_ref())
            };
            Value::Array(items.iter().enumerate().map(item).collect())
        }
        scalar => scalar.clone(),
    }
}
