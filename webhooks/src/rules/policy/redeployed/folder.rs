//! What kustomize-controller knows the objects of a folder by: their names and
//! namespaces. What is not among them any more is pruned, after the others have
//! been applied.

use fleetgate_api::kustomization::Kustomization;
use fleetgate_plan::Target;

use super::{Edit, REDEPLOYED, Side, on};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names::given;

/// What gives all objects other names: the field, what it is, and its value.
fn names(kustomization: &Kustomization) -> [(&'static str, &'static str, Option<&str>); 3] {
    [
        ("targetNamespace", "the namespace of what it delivers", kustomization.target_namespace.as_deref()),
        ("namePrefix", "the prefix of all names", kustomization.name_prefix.as_deref()),
        ("nameSuffix", "the suffix of all names", kustomization.name_suffix.as_deref()),
    ]
    .map(|(field, what, value)| (field, what, given(value)))
}

/// The kustomization before and after, if what leaves it is removed.
fn pair<'a>(before: Side<'a>, after: Side<'a>) -> Option<(&'a Kustomization, &'a Kustomization)> {
    let (old, new) = (before.policy.kustomization.as_deref()?, after.policy.kustomization.as_deref()?);
    new.prune.then_some((old, new))
}

/// Whether what is compared here is written otherwise.
pub(super) fn names_change(before: Side<'_>, after: Side<'_>) -> bool {
    pair(before, after).is_some_and(|(old, new)| names(old) != names(new))
}

pub(super) fn changed(edit: &Edit<'_>, places: &[&Target]) -> Option<Finding> {
    let (old, new) = pair(edit.before, edit.after)?;
    let (old, new) = (names(old), names(new));
    let (before, after) = old.into_iter().zip(new).find(|(before, after)| before != after)?;
    let (field, what, from) = before;
    let (.., to) = after;
    let shown = |value: Option<&str>| value.map_or("none".to_owned(), |value| format!("{value:?}"));
    let message = format!(
        "changes {what} from {} to {}: Flux creates the objects anew {} and removes those of before, with what their volumes hold",
        shown(from),
        shown(to),
        on(places)
    );
    let path = FieldPath::policy(edit.index).field("kustomization").field(field);
    let finding = Finding::warning(&REDEPLOYED, path, Fault::Invalid, message);
    // Without it each object has the namespace of its manifest.
    let is_partial = field == "targetNamespace" && (from.is_none() || to.is_none());
    Some(if is_partial { finding.hint("what has that namespace in its manifest stays") } else { finding })
}
