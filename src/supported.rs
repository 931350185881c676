//! The versions that Fleetgate is made for: that of Kubernetes is looked at as it
//! starts, and those of Flux whenever its CRDs change. With others it runs, and
//! says what to expect.

use fleetgate_plan::{FluxKind, served_versions};
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use kube::api::DynamicObject;

use crate::stored::in_words;

/// The first minor version of Kubernetes 1 whose webhooks have match conditions
/// for good: without them an outage of the webhook keeps finalizers.
const FIRST_MINOR: u32 = 30;

/// The first version of Flux that serves all that is written, `v1` of sources
/// and kustomizations and `v2` of releases.
const FIRST_FLUX: &str = "2.6";

/// Logs what is not as it should be about the API server.
pub(crate) async fn look(client: &Client) {
    match client.apiserver_version().await.map_err(in_words) {
        Ok(version) => {
            if let Some(warning) = of_kubernetes(&version) {
                tracing::warn!("{warning}");
            }
        }
        Err(error) => tracing::warn!("the API server's version cannot be looked at: {error:#}"),
    }
}

/// A provider's version may have a suffix, as in `36+`.
fn of_kubernetes(version: &Info) -> Option<String> {
    let minor = version.minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>();
    let is_supported = version.major == "1" && minor.is_ok_and(|minor| minor >= FIRST_MINOR);
    (!is_supported).then(|| {
        format!(
            "this is Kubernetes {}, and Fleetgate is made for 1.{FIRST_MINOR} and later",
            version.git_version.trim_start_matches('v')
        )
    })
}

/// What is not as it should be about the CRD of that kind. That it is not installed is said of the Applications that need it.
pub(crate) fn of_flux(kind: FluxKind, crd: &DynamicObject) -> Option<String> {
    let served: Vec<&str> = served_versions(crd).collect();
    (!served.contains(&kind.version())).then(|| {
        format!(
            "{} is served as {}, and Fleetgate writes {}: none can be delivered before Flux is {FIRST_FLUX} or later",
            kind.kind(),
            served.join(" and "),
            kind.version()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_of_kubernetes() {
        let table =
            [("1", "36", true), ("1", "30+", true), ("1", "29", false), ("1", "", false), ("2", "0", false)];
        for (major, minor, is_supported) in table {
            let version = Info {
                major: major.to_owned(),
                minor: minor.to_owned(),
                git_version: format!("v{major}.{minor}.0"),
                ..Info::default()
            };
            assert_eq!(of_kubernetes(&version).is_none(), is_supported, "{major}.{minor}");
        }
    }

    #[test]
    fn versions_of_flux() {
        let crd = |versions: &[(&str, bool)]| {
            let versions: Vec<_> = versions
                .iter()
                .map(|(name, served)| json!({"name": name, "served": served, "storage": false}))
                .collect();
            let crd = serde_json::from_value(json!({"metadata": {}, "spec": {
                "group": "helm.toolkit.fluxcd.io", "scope": "Namespaced",
                "names": {"kind": "HelmRelease", "plural": "helmreleases"}, "versions": versions,
            }}));
            of_flux(FluxKind::HelmRelease, &crd.expect("a CRD"))
        };
        assert_eq!(crd(&[("v2beta2", true), ("v2", true)]), None);
        assert_eq!(
            crd(&[("v2beta1", true), ("v2beta2", true), ("v2", false)]).as_deref(),
            Some(
                "HelmRelease is served as v2beta1 and v2beta2, and Fleetgate writes v2: none can be delivered before Flux is 2.6 or later"
            )
        );
    }
}
