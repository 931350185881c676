//! How Helm's four actions on a release are carried out.
//!
//! Invariant: every field is optional; an empty action is Helm's default behaviour.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::DURATION;

/// How a chart is installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// How long one Kubernetes operation may take. Default: the release's timeout.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What becomes of the chart's CRDs: Skip, Create, or `CreateReplace`. Default: Create.
    #[schemars(extend("enum" = ["Skip", "Create", "CreateReplace"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<String>,
    /// Whether the target namespace is created if it is missing. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// Whether hooks are left out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_hooks: Option<bool>,
    /// Whether the manifests go unchecked against the cluster's `OpenAPI`. Default: false.
    #[serde(rename = "disableOpenAPIValidation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_open_api_validation: Option<bool>,
    /// Whether the values go unchecked against the chart's schema. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_schema_validation: Option<bool>,
    /// Whether the action fails where an object exists already and is not Helm's, in place of
    /// taking it over. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_take_ownership: Option<bool>,
    /// Whether not to wait until the objects are ready. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait: Option<bool>,
    /// Whether not to wait until jobs are done. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait_for_jobs: Option<bool>,
    /// What happens when the install fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<InstallRemediation>,
    /// Whether a name that a deleted release still holds may be taken again. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
    /// Whether objects are applied server-side. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<bool>,
    /// Deprecated in Flux: whether the chart's CRDs are left out. Use crds.
    #[serde(rename = "skipCRDs")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_crds: Option<bool>,
    /// What happens after a failure: remediation, or just another try. Default: remediation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ReleaseStrategy>,
}

/// What happens when an install fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstallRemediation {
    /// How often to try again; a negative number means without end. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<i32>,
    /// Whether a failing test leads to no remediation. Default: test.ignoreFailures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Whether the last failure is remediated too. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
}

/// What happens after a failed install or upgrade.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseStrategy {
    /// Uninstall or roll back first (`RemediateOnFailure`), or just try again (`RetryOnFailure`).
    #[schemars(extend("enum" = ["RemediateOnFailure", "RetryOnFailure"]))]
    pub name: String,
    /// How soon to try again, with `RetryOnFailure`. Default: 5m.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}

/// How a release is upgraded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// How long one Kubernetes operation may take. Default: the release's timeout.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What a change of the chart's name means: `InPlaceUpdate` or Reinstall. Default: Reinstall.
    #[schemars(extend("enum" = ["InPlaceUpdate", "Reinstall"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chart_name_change_strategy: Option<String>,
    /// Whether objects that a failed upgrade created are deleted. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_on_fail: Option<bool>,
    /// What becomes of the chart's CRDs: Skip, Create, or `CreateReplace`. Default: Skip.
    #[schemars(extend("enum" = ["Skip", "Create", "CreateReplace"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crds: Option<String>,
    /// Whether hooks are left out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_hooks: Option<bool>,
    /// Whether the manifests go unchecked against the cluster's `OpenAPI`. Default: false.
    #[serde(rename = "disableOpenAPIValidation")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_open_api_validation: Option<bool>,
    /// Whether the values go unchecked against the chart's schema. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_schema_validation: Option<bool>,
    /// Whether the action fails where an object exists already and is not Helm's, in place of
    /// taking it over. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_take_ownership: Option<bool>,
    /// Whether not to wait until the objects are ready. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait: Option<bool>,
    /// Whether not to wait until jobs are done. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait_for_jobs: Option<bool>,
    /// Whether objects are replaced where they cannot be updated. Ignored with server-side apply.
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Whether the values of the last release are kept and the new ones merged in. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_values: Option<bool>,
    /// What happens when the upgrade fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<UpgradeRemediation>,
    /// Whether objects are applied server-side: enabled, disabled, or as in the last release
    /// (auto). Default: auto.
    #[schemars(extend("enum" = ["enabled", "disabled", "auto"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<String>,
    /// What happens after a failure: remediation, or just another try. Default: remediation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<ReleaseStrategy>,
}

/// What happens when an upgrade fails.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeRemediation {
    /// How often to try again; a negative number means without end. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<i32>,
    /// Whether a failing test leads to no remediation. Default: test.ignoreFailures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_test_failures: Option<bool>,
    /// Whether the last failure is remediated too. Default: true if there are retries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediate_last_failure: Option<bool>,
    /// What remediation does: rollback or uninstall. Default: rollback.
    #[schemars(extend("enum" = ["rollback", "uninstall"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
}

/// How a failed upgrade is rolled back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// How long one Kubernetes operation may take. Default: the release's timeout.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Whether objects that a failed rollback created are deleted. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup_on_fail: Option<bool>,
    /// Whether hooks are left out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_hooks: Option<bool>,
    /// Whether not to wait until the objects are ready. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait: Option<bool>,
    /// Whether not to wait until jobs are done. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait_for_jobs: Option<bool>,
    /// Whether objects are replaced where they cannot be updated. Ignored with server-side apply.
    /// Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Ignored: whether pods are restarted. Helm 4 no longer does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recreate: Option<bool>,
    /// Whether objects are applied server-side: enabled, disabled, or as in the last release
    /// (auto). Default: auto.
    #[schemars(extend("enum" = ["enabled", "disabled", "auto"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side_apply: Option<String>,
}

/// How a release is uninstalled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uninstall {
    /// How long one Kubernetes operation may take. Default: the release's timeout.
    #[schemars(regex(pattern = DURATION))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How dependent objects go: background, foreground or orphan. Default: background.
    #[schemars(extend("enum" = ["background", "foreground", "orphan"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_propagation: Option<String>,
    /// Whether hooks are left out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_hooks: Option<bool>,
    /// Whether not to wait until the objects are gone. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_wait: Option<bool>,
    /// Whether Helm keeps its record of the release. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_history: Option<bool>,
}
