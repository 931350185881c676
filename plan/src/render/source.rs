//! The object that fetches the source. It has the Application's name.

use fleetgate_api::application::Source;
use fleetgate_api::{GitRepository, HelmRepository};
use serde_json::{Map, Value, json};

use super::to_map;
use crate::template::Template;
use crate::{FluxKind, Owner};

/// Fields of a GitRepository that Flux has dropped. They stay in the schema,
/// since they stand in stored objects, and are not passed on.
const DROPPED_GIT_FIELDS: [&str; 2] = ["gitImplementation", "accessFrom"];

/// How often a Helm repository without an interval is asked for a new index:
/// Flux's own default, written out so that it can be read off the object.
const HELM_INTERVAL: &str = "1m0s";

/// What the Application is fetched by.
pub(crate) fn source(source: &Source, owner: &Owner) -> Option<Template> {
    let Source { git_repository, helm_repository, oci_repository, bucket, .. } = source;
    let kind = source_kind(source)?;
    let (field, spec) = match kind {
        FluxKind::GitRepository => ("gitRepository", git_spec(git_repository.as_ref()?)),
        FluxKind::HelmRepository => ("helmRepository", helm_spec(helm_repository.as_ref()?)),
        FluxKind::OciRepository => ("ociRepository", to_map(oci_repository.as_ref()?)),
        FluxKind::Bucket => ("bucket", to_map(bucket.as_ref()?)),
        FluxKind::Kustomization | FluxKind::HelmRelease => return None,
    };
    Some(Template::of_source(kind, field, owner.name.clone(), spec))
}

/// The kind of the object that fetches the source. Of several sources, which
/// admission refuses (`source/exactly-one`), the first one.
pub(crate) fn source_kind(source: &Source) -> Option<FluxKind> {
    let given = [
        (FluxKind::GitRepository, source.git_repository.is_some()),
        (FluxKind::HelmRepository, source.helm_repository.is_some()),
        (FluxKind::OciRepository, source.oci_repository.is_some()),
        (FluxKind::Bucket, source.bucket.is_some()),
    ];
    given.into_iter().find_map(|(kind, is_given)| is_given.then_some(kind))
}

fn git_spec(git: &GitRepository) -> Map<String, Value> {
    let mut spec = to_map(git);
    for field in DROPPED_GIT_FIELDS {
        spec.remove(field);
    }
    spec
}

/// A registry is never asked for an index, so that it needs no interval.
fn helm_spec(helm: &HelmRepository) -> Map<String, Value> {
    let mut spec = to_map(helm);
    let is_registry = helm.r#type.as_deref() == Some("oci") || helm.url.starts_with("oci://");
    if !is_registry {
        spec.entry("interval").or_insert_with(|| json!(HELM_INTERVAL));
    }
    spec
}

#[cfg(test)]
mod tests {
    use crate::Catalog;
    use crate::test_fixtures::rendered;
    use serde_json::{Value, json};

    /// The object that a source becomes, as `apiVersion kind name spec`.
    fn of(source: Value) -> (String, Value) {
        let objects = rendered(json!({"source": source, "syncPolicies": []}), &Catalog::default());
        assert_eq!(objects.len(), 1, "{objects:?}");
        let object = &objects[0];
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let head = format!("{} {} {}", text("/apiVersion"), text("/kind"), text("/metadata/name"));
        (head, object["spec"].clone())
    }

    #[test]
    fn every_source_is_passed_on_as_it_is() {
        let table = [
            (
                "gitRepository",
                "source.toolkit.fluxcd.io/v1 GitRepository shop",
                json!({"url": "https://e.com/r", "interval": "3m", "ref": {"branch": "main"}, "suspend": true}),
            ),
            (
                "helmRepository",
                "source.toolkit.fluxcd.io/v1 HelmRepository shop",
                json!({"url": "https://e.com", "interval": "3m", "secretRef": {"name": "s"}, "accessFrom": {"namespaceSelectors": []}}),
            ),
            (
                "ociRepository",
                "source.toolkit.fluxcd.io/v1 OCIRepository shop",
                json!({
                    "url": "oci://e.com/a", "interval": "3m", "ref": {"semver": "1.x"},
                    "verify": {"provider": "cosign", "matchOIDCIdentity": [{"issuer": "i", "subject": "s"}]},
                }),
            ),
            (
                "bucket",
                "source.toolkit.fluxcd.io/v1 Bucket shop",
                json!({"bucketName": "b", "endpoint": "e.com", "interval": "3m", "sts": {"provider": "aws", "endpoint": "https://sts"}}),
            ),
        ];
        for (field, head, spec) in table {
            assert_eq!(of(json!({ field: spec })), (head.to_owned(), spec), "{field}");
        }
    }

    #[test]
    fn what_flux_has_dropped_is_left_out() {
        let (_, spec) = of(json!({"gitRepository": {
            "url": "https://e.com/r", "interval": "3m", "gitImplementation": "go-git",
            "accessFrom": {"namespaceSelectors": []},
        }}));
        assert_eq!(spec, json!({"url": "https://e.com/r", "interval": "3m"}));
    }

    #[test]
    fn a_helm_repository_without_interval_gets_fluxs_own() {
        let table = [
            (json!({"url": "https://e.com"}), json!("1m0s")),
            (json!({"url": "https://e.com", "interval": "9m"}), json!("9m")),
            (json!({"url": "oci://e.com/a", "type": "oci"}), Value::Null),
            (json!({"url": "oci://e.com/a"}), Value::Null),
        ];
        for (helm, expected) in table {
            let (_, spec) = of(json!({ "helmRepository": helm }));
            assert_eq!(spec.get("interval").cloned().unwrap_or_default(), expected, "{helm}");
        }
    }
}
