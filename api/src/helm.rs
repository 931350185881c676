//! The fields of Flux's `HelmRelease` that a sync policy may set.
//!
//! Invariant: the union of Kurator's and Flux's fields, without kubeConfig, chartRef and the
//! chart's sourceRef, which the plan fills in.

mod action;
mod chart;
mod values;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::action::{
    Install, InstallRemediation, ReleaseStrategy, Rollback, Uninstall, Upgrade, UpgradeRemediation,
};
pub use self::chart::{Chart, ChartMetadata, ChartSpec, ChartVerification};
pub use self::values::ValuesReference;
use crate::flux::{CommonMetadata, DependencyReference, HealthCheckExpr, IgnoreRule, Image, Patch};
use crate::schema::{DURATION, schemaless};

/// A chart, installed and kept up to date by Flux.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Helm {
    /// Which chart of the source. Not needed with an ociRepository, which is the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// How often the release is compared with what it should be, for example 10m.
    #[schemars(regex(pattern = DURATION))]
    pub interval: String,
    /// How long one Kubernetes operation of Helm may take. Default: 5m.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// The release's name. Default: the name of the Flux `HelmRelease`, with the target namespace in
    /// front if there is one.
    #[schemars(length(min = 1, max = 53))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,
    /// The namespace to install into. Default: the Application's.
    #[schemars(length(min = 1, max = 63))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<String>,
    /// The namespace where Helm keeps its record of the release. Default: the Application's.
    #[schemars(length(min = 1, max = 63))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_namespace: Option<String>,
    /// The chart's values. They win over valuesFrom.
    #[schemars(schema_with = "schemaless")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    /// `ConfigMaps` and Secrets that hold values, merged in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_from: Option<Vec<ValuesReference>>,
    /// How the chart is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// How the release is upgraded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
    /// How a failed upgrade is rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
    /// How the release is uninstalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uninstall: Option<Uninstall>,
    /// Whether Helm's tests run after an install or upgrade. Default: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<HelmTest>,
    /// Whether and how changes made in the cluster are noticed and undone. Default: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_detection: Option<DriftDetection>,
    /// Changes to the rendered manifests before they are applied, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_renderers: Option<Vec<PostRenderer>>,
    /// Whether the post-renderers see the hooks: not at all (nohooks), together with the templates
    /// (combined), or in a run of their own (separate). Default: combined.
    #[schemars(extend("enum" = ["nohooks", "combined", "separate"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_render_strategy: Option<String>,
    /// Labels and annotations for every object of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_metadata: Option<CommonMetadata>,
    /// Other `HelmReleases` that must be ready first. The name of a policy of this Application means
    /// its `HelmRelease` for the same cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Vec<DependencyReference>>,
    /// How the health of custom resources is told, while an action waits for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_exprs: Option<Vec<HealthCheckExpr>>,
    /// How Flux waits until the release is ready. Default: the poller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_strategy: Option<WaitStrategy>,
    /// How many revisions of the release Helm keeps; 0 keeps all. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_history: Option<i32>,
    /// Whether one client serves all steps of a reconciliation. Off for charts that bring CRDs
    /// which their own hooks use. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_client: Option<bool>,
    /// The `ServiceAccount` as which the release is applied. Default: what the administrator set for
    /// Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// Whether to stop reconciling. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Whether Helm's tests run after an install or upgrade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmTest {
    /// Whether they run. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// Which tests run. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<TestFilter>>,
    /// Whether a failing test leads to no remediation. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_failures: Option<bool>,
    /// How long a test may take. Default: the release's timeout.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// A test by name, to run or to leave out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestFilter {
    /// The test's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Whether to leave it out instead. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<bool>,
}

/// Whether changes made in the cluster are noticed and undone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftDetection {
    /// Undo drift (enabled), only report it (warn), or neither (disabled). Default: disabled.
    #[schemars(extend("enum" = ["enabled", "warn", "disabled"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Fields in which drift does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<IgnoreRule>>,
}

/// A change to the rendered manifests before they are applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostRenderer {
    /// By kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizePostRenderer>,
}

/// Patches and images, applied by kustomize.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KustomizePostRenderer {
    /// Patches over the rendered manifests, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patches: Option<Vec<Patch>>,
    /// Container images to exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<Image>>,
}

/// How Flux waits until the release is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitStrategy {
    /// By Flux's own health checks (poller), or as Helm 3 did (legacy).
    #[schemars(extend("enum" = ["poller", "legacy"]))]
    pub name: String,
}
