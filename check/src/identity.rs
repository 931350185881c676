//! Which kind an object is of, by its `apiVersion` and `kind`; and which one it
//! is meant to be, where those are written wrongly: what passes for another's
//! object gets no verdict, and nobody notices.

use fleetgate_webhooks::line::one_line;
use fleetgate_webhooks::schema::VERSION;
use fleetgate_webhooks::{FieldPath, Kind, names};
use serde_json::Value;

use super::object::Misfit;

/// What an object is to us.
pub(super) enum Identity {
    /// One of our kinds, in that version.
    Ours(Kind, String),
    /// A List, as `kubectl get -o yaml` writes it, or one of a kind, as the API
    /// server does.
    List,
    /// Somebody else's.
    Other,
}

/// What `value` is to us.
///
/// # Errors
///
/// When it is no object, or is meant to be ours and is not.
pub(super) fn identify(value: &Value) -> Result<Identity, Box<Misfit>> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
        return Err(nameless(text("apiVersion"), text("kind")));
    };
    if (api_version, kind) == ("v1", "List") || kind.ends_with("List") && value["items"].is_array() {
        return Ok(Identity::List);
    }
    let (group, version) = match api_version.split_once('/') {
        Some((group, version)) => (group, Some(version)),
        None => (api_version, None),
    };
    match (Kind::of(group, kind), version) {
        (Some(kind), Some(version)) => Ok(Identity::Ours(kind, version.to_owned())),
        (Some(kind), None) => {
            let message = format!("has no version: write {}/{VERSION}", kind.group());
            Err(Misfit::ours("apiVersion", message))
        }
        (None, version) => {
            let slip = slip(group, kind, version.is_some());
            slip.map_or(Ok(Identity::Other), |(field, hint)| {
                let message = format!("is no kind of {}: {kind:?}; {hint}", one_line(api_version));
                Err(Misfit::ours(field, message))
            })
        }
    }
}

/// What is wrong with something that does not say what it is.
fn nameless(api_version: Option<&str>, kind: Option<&str>) -> Box<Misfit> {
    let missing = match (api_version, kind) {
        (Some(_), _) => "kind",
        (None, Some(_)) => "apiVersion",
        (None, None) => "apiVersion and kind",
    };
    Box::new(Misfit {
        path: FieldPath::root(),
        message: format!("is no Kubernetes object: it has no {missing}"),
        is_ours: false,
        is_stranger: !names_ours(api_version, kind),
    })
}

/// Whether what is written of an object's type is one of ours: a `Chart.yaml`
/// has an apiVersion, too.
fn names_ours(api_version: Option<&str>, kind: Option<&str>) -> bool {
    let group = api_version.map(|text| text.split_once('/').map_or(text, |(group, _)| group));
    let is_near = |kind| names::nearest(kind, Kind::ALL.into_iter().map(Kind::as_str)).is_some();
    group.is_some_and(|group| Kind::ALL.iter().any(|known| known.group() == group))
        || kind.is_some_and(is_near)
}

/// The field in which somebody slipped who meant a kind of ours, and the way out.
fn slip(group: &str, kind: &str, has_version: bool) -> Option<(&'static str, String)> {
    let meant = Kind::ALL.into_iter().find(|known| known.as_str() == kind && is_near(group, known.group()));
    if let Some(meant) = meant {
        return Some(("apiVersion", format!("did you mean {}/{VERSION}?", meant.group())));
    }
    let mut known = Kind::ALL.into_iter().filter(|known| known.group() == group).map(Kind::as_str);
    let hint = match (has_version, is_all_ours(group)) {
        (false, _) => None,
        (true, true) => names::suggest(kind, known),
        (true, false) => near(kind, &mut known),
    };
    hint.map(|hint| ("kind", hint))
}

/// Whether `group` is a slip of the `known` one, or one that its owner might
/// have: others have kinds of the same names.
fn is_near(group: &str, known: &str) -> bool {
    let is_owner =
        |label: &str| known.split('.').nth(1).is_some_and(|owner| label.eq_ignore_ascii_case(owner));
    names::nearest(group, [known].into_iter()).is_some() || group.split('.').any(is_owner)
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
    use crate::object::sort;
    use serde_json::json;

    /// What is said of an object of that type, and of which field; none, if it passes.
    fn said(api_version: &str, kind: &str) -> Option<String> {
        let misfit = sort(json!({"apiVersion": api_version, "kind": kind})).misfits.pop()?;
        Some(format!("{} {}", misfit.path, misfit.message))
    }

    #[test]
    fn a_group_alone_is_no_api_version() {
        let expected = "apiVersion has no version: write apps.kurator.dev/v1alpha1";
        assert_eq!(said("apps.kurator.dev", "Application").as_deref(), Some(expected));
        assert_eq!(said("v1", "Application"), None);
    }

    #[test]
    fn a_group_that_is_nearly_ours_is_told_the_one_that_is() {
        let table = [
            ("apps.kurator.io/v1alpha1", "Application", "apps.kurator.dev"),
            ("app.kurator.dev/v1alpha1", "Application", "apps.kurator.dev"),
            ("Apps.Kurator.Dev/v1alpha1", "Application", "apps.kurator.dev"),
            ("kurator.dev/v1", "Application", "apps.kurator.dev"),
            ("delivery.Kurator.example.com/v1", "Application", "apps.kurator.dev"),
            ("apps.kurator.io", "Application", "apps.kurator.dev"),
            ("cluster.kurator.dev/v1alpha1", "Application", "apps.kurator.dev"),
            ("fleet.kurator.dev/v1alpha1", "Application", "apps.kurator.dev"),
            ("fleets.kurator.dev/v1alpha1", "Fleet", "fleet.kurator.dev"),
            ("clusters.kurator.io/v1alpha1", "AttachedCluster", "cluster.kurator.dev"),
        ];
        for (api_version, kind, group) in table {
            let expected =
                format!("apiVersion is no kind of {api_version}: {kind:?}; did you mean {group}/v1alpha1?");
            assert_eq!(said(api_version, kind), Some(expected));
        }
    }

    #[test]
    fn what_is_anothers_passes() {
        let table = [
            ("core.oam.dev/v1beta1", "Application"),
            ("argoproj.io/v1alpha1", "Application"),
            ("app.k8s.io/v1beta1", "Application"),
            ("apps.kruise.io/v1alpha1", "Application"),
            ("apps.openshift.io/v1", "Application"),
            ("apps/v1", "Application"),
            ("v1", "Application"),
            ("agones.dev/v1", "Fleet"),
            ("fleet.cattle.io/v1alpha1", "Fleet"),
            ("cluster.kurator.dev/v1alpha1", "CustomCluster"),
            ("apps.kurator.io/v1alpha1", "Rollout"),
        ];
        for (api_version, kind) in table {
            assert_eq!(said(api_version, kind), None, "{api_version} {kind}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let table = [
            (json!({"apiVersion": "apps.kurator.dev/v1alpha1"}), "kind"),
            (json!({"kind": "Application"}), "apiVersion"),
            (json!({"metadata": {}}), "apiVersion and kind"),
            (json!("text"), "apiVersion and kind"),
        ];
        for (document, missing) in table {
            let misfits = sort(document).misfits;
            assert_eq!(misfits[0].message, format!("is no Kubernetes object: it has no {missing}"));
        }
    }
}
