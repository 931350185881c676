//! The HelmChart that helm-controller makes for a release: it removes it with the
//! release, but not with one that is suspended.

use kube::api::{ApiResource, DeleteParams, DynamicObject, Preconditions};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt};

use super::{Child, Failure, Writer};

/// helm-controller's own labels of what it makes for a release.
const OF_RELEASE: [&str; 2] = ["helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/name"];

impl Writer {
    /// Deletes the chart of a release that is suspended, whoever suspended it, if it is that.
    pub(super) async fn delete_chart(&self, release: &Child) -> Result<(), Failure> {
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "HelmChart"));
        let charts: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &release.namespace, &resource);
        // As `HelmRelease.GetHelmChartName` has it.
        let name = format!("{}-{}", release.namespace, release.name);
        let Some(chart) = charts.get_metadata_opt(&name).await.map_err(Failure::Refused)? else {
            return Ok(());
        };
        let made_for = OF_RELEASE.map(|label| chart.labels().get(label).map(String::as_str));
        if made_for != [Some(&*release.namespace), Some(&*release.name)] {
            return Ok(());
        }
        let preconditions = Preconditions { uid: chart.uid(), ..Preconditions::default() };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match self.turns.take(charts.delete(&name, &parameters)).await {
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            answer => answer.map(drop).map_err(Failure::Refused),
        }
    }
}
