//! What helm-controller knows a release by (`ReleaseTargetChanged`): the namespace
//! of Helm's record of it, its own namespace, its name, and the chart's name.

use fleetgate_api::helm::Helm;
use fleetgate_plan::names::child_name;
use fleetgate_plan::{HelmName, Target};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Edit, REDEPLOYED, Side, on};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names::given;

/// By which a release goes on under a chart of another name.
const IN_PLACE: &str = "InPlaceUpdate";

/// Two places tell whether names change: a composed name is another one in each,
/// so that at most one of them has the name that was composed before.
const ENOUGH: usize = 2;

/// Whether what is compared here is written otherwise.
pub(super) fn names_change(before: Side<'_>, after: Side<'_>) -> bool {
    let (Some(old), Some(new)) = (&before.policy.helm, &after.policy.helm) else {
        return false;
    };
    written(old) != written(new) || chart(before) != chart(after)
}

/// As it is written: name, namespace, namespace of the record.
fn written(helm: &Helm) -> [Option<&str>; 3] {
    [&helm.release_name, &helm.target_namespace, &helm.storage_namespace].map(|field| given(field.as_deref()))
}

pub(super) fn changed(edit: &Edit<'_>, places: &[&Target]) -> Option<Finding> {
    let (old, new) = (edit.before.policy.helm.as_deref()?, edit.after.policy.helm.as_deref()?);
    let path = FieldPath::policy(edit.index).field("helm");
    let (path, what) = names(edit, (old, new), &path, places).or_else(|| chart_name(edit, new, &path))?;
    let message = format!(
        "{what} Flux uninstalls it {} and installs it anew, and volumes that the chart made go with what they hold",
        on(places)
    );
    Some(Finding::warning(&REDEPLOYED, path, Fault::Invalid, message))
}

/// What of its names changes, and where that stands.
fn names(
    edit: &Edit<'_>,
    (old, new): (&Helm, &Helm),
    path: &FieldPath,
    places: &[&Target],
) -> Option<(FieldPath, String)> {
    let own = edit.after.application.namespace().unwrap_or_default();
    let target = |helm: &Helm| given(helm.target_namespace.as_deref()).unwrap_or(&own).to_owned();
    let on_place = |helm: &Helm, place| HelmName::of(&spec(helm), &child_name(&edit.name, place), &own);
    let pairs = places.iter().take(ENOUGH).map(|place| (on_place(old, place), on_place(new, place)));
    let (before, after) = pairs.into_iter().find(|(before, after)| before != after).or_else(|| {
        let place = places.first()?;
        Some((on_place(old, place), on_place(new, place)))
    })?;
    let (field, what, from, to) = if before.namespace() != after.namespace() {
        (
            "storageNamespace",
            "the namespace of Helm's record",
            before.namespace().to_owned(),
            after.namespace().to_owned(),
        )
    } else if target(old) != target(new) {
        ("targetNamespace", "the release's namespace", target(old), target(new))
    } else if before.release() != after.release() {
        // A name that is composed has the namespace in it.
        let is_composed = given(old.release_name.as_deref()) == given(new.release_name.as_deref());
        let field = if is_composed { "targetNamespace" } else { "releaseName" };
        (field, "the release's name", before.release().to_owned(), after.release().to_owned())
    } else {
        return None;
    };
    Some((path.field(field), format!("changes {what} from {from:?} to {to:?}:")))
}

/// What of the HelmRelease its names follow from.
fn spec(helm: &Helm) -> Value {
    let [release, target, storage] = written(helm);
    json!({"releaseName": release, "targetNamespace": target, "storageNamespace": storage})
}

fn chart_name(edit: &Edit<'_>, new: &Helm, path: &FieldPath) -> Option<(FieldPath, String)> {
    let strategy = new.upgrade.as_ref().and_then(|upgrade| upgrade.chart_name_change_strategy.as_deref());
    let (before, after) = (chart(edit.before)?, chart(edit.after)?);
    if before == after || strategy == Some(IN_PLACE) {
        return None;
    }
    let is_indexed = |side: Side<'_>| side.application.spec.source.helm_repository.is_some();
    // Elsewhere the name is Chart.yaml's, and mostly that of where it stands.
    let condition =
        if is_indexed(edit.before) && is_indexed(edit.after) { "" } else { " if Chart.yaml says so, too," };
    let path = match &edit.after.application.spec.source.oci_repository {
        Some(_) => FieldPath::spec().field("source").field("ociRepository").field("url"),
        None => path.field("chart").field("spec").field("chart"),
    };
    Some((path, format!("changes the chart from {before:?} to {after:?}:{condition}")))
}

/// The name of the chart, as far as it is known from where the chart stands.
fn chart(side: Side<'_>) -> Option<&str> {
    let source = &side.application.spec.source;
    let address = match &source.oci_repository {
        Some(oci) => oci.url.strip_prefix("oci://")?.split_once('/')?.1,
        None => side.policy.helm.as_ref()?.chart.as_ref()?.spec.chart.as_deref()?,
    };
    let last = address.split('/').rfind(|step| !matches!(*step, "" | "."))?;
    // An archive's name has the version in it.
    let is_archive = matches!(last.rsplit_once('.'), Some((_, "tgz" | "gz")));
    (last != ".." && !is_archive).then_some(last)
}
