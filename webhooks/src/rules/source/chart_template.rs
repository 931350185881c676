//! The part of `source/policy-mismatch` about a chart that is described although
//! the source is one.
//!
//! Of a chart's name, version and files Flux makes a HelmChart. A release of an
//! OCI artifact refers to that as a whole (`chartRef`), and there is no place for
//! any of it. The version is `source/semver`'s, the signature
//! `source/ignore-and-include`'s.

use fleetgate_api::helm::{Chart, ChartMetadata};

use super::POLICY_MISMATCH;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// What makes a new chart unless anyone says otherwise.
const DEFAULT_STRATEGY: &str = "ChartVersion";

/// `chart`, which stands at `path`, beside an `ociRepository`.
pub(super) fn check(chart: &Chart, path: &FieldPath, findings: &mut Findings) {
    let spec = path.field("spec");
    let error = |field: &'static str, message: &str, way_out: &str| {
        Finding::error(&POLICY_MISMATCH, spec.field(field), Fault::Forbidden, message).hint(way_out)
    };
    if chart.spec.chart.is_some() {
        let message = "may not be set with an ociRepository, which is the chart itself";
        let way_out = "leave the chart's name out, or use a helmRepository of type oci";
        findings.push(error("chart", message, way_out));
    }
    if chart.spec.values_files.as_ref().is_some_and(|files| !files.is_empty()) {
        let message =
            "may not be set with an ociRepository: the chart would run with its own values.yaml alone";
        let way_out = "put the values into values or valuesFrom, or use a helmRepository of type oci";
        findings.push(error("valuesFiles", message, way_out));
    }
    for path in without_effect(chart, path, &spec) {
        let message = "has no effect with an ociRepository, of which Flux makes no HelmChart";
        findings.push(
            Finding::warning(&POLICY_MISMATCH, path, Fault::Invalid, message)
                .hint("leave it out, or use a helmRepository of type oci"),
        );
    }
}

/// What asks for something that nobody does, and that the release can do without.
fn without_effect(chart: &Chart, path: &FieldPath, spec: &FieldPath) -> Vec<FieldPath> {
    let strategy = chart.spec.reconcile_strategy.as_deref().unwrap_or_default();
    let fields = [
        (path, "metadata", chart.metadata.as_ref().is_some_and(says_something)),
        (spec, "interval", chart.spec.interval.is_some()),
        (spec, "reconcileStrategy", !matches!(strategy, "" | DEFAULT_STRATEGY)),
        (spec, "ignoreMissingValuesFiles", chart.spec.ignore_missing_values_files == Some(true)),
    ];
    fields.into_iter().filter(|(.., is_set)| *is_set).map(|(path, field, _)| path.field(field)).collect()
}

fn says_something(metadata: &ChartMetadata) -> bool {
    [&metadata.labels, &metadata.annotations].into_iter().flatten().any(|map| !map.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, codes, findings, said};
    use serde_json::{Value, json};

    const DENIED: &str = "E source/policy-mismatch";
    const WARNED: &str = "W source/policy-mismatch";

    fn from(source: &str, chart: &Value) -> Value {
        let mut source = json!({ source: {"url": "oci://ghcr.io/o/charts", "interval": "5m"} });
        if source.get("helmRepository").is_some() {
            source["helmRepository"]["type"] = json!("oci");
        }
        json!({"source": source, "syncPolicies": [{"helm": {"interval": "5m", "chart": chart}}]})
    }

    #[test]
    fn a_chart_beside_an_artifact_that_is_one() {
        let labels = json!({"labels": {"team": "a"}});
        let table = [
            (json!({"spec": {}}), ""),
            (json!({"spec": {"chart": "c"}}), DENIED),
            (json!({"spec": {"valuesFiles": ["values-prod.yaml"]}}), DENIED),
            (json!({"spec": {"valuesFiles": []}}), ""),
            (json!({"spec": {"reconcileStrategy": "Revision"}}), WARNED),
            (json!({"spec": {"reconcileStrategy": "ChartVersion"}}), ""),
            (json!({"spec": {"ignoreMissingValuesFiles": true}}), WARNED),
            (json!({"spec": {"ignoreMissingValuesFiles": false}}), ""),
            (json!({"spec": {"interval": "5m"}}), WARNED),
            (json!({"spec": {}, "metadata": labels}), WARNED),
            (json!({"spec": {}, "metadata": {"annotations": {"a": "b"}}}), WARNED),
            (json!({"spec": {}, "metadata": {"labels": {}}}), ""),
        ];
        for (chart, expected) in table {
            assert_eq!(codes(from("ociRepository", &chart)), expected, "{chart}");
            let mut named = chart;
            named["spec"]["chart"] = json!("c");
            assert_eq!(codes(from("helmRepository", &named)), "", "{named}");
        }
    }

    #[test]
    fn each_field_is_said_where_it_stands() {
        let chart = json!({
            "metadata": {"labels": {"team": "a"}},
            "spec": {"interval": "5m", "reconcileStrategy": "Revision", "ignoreMissingValuesFiles": true, "valuesFiles": ["a.yaml"]},
        });
        let findings = findings(from("ociRepository", &chart));
        let fields = findings.iter().map(|finding| finding.path.to_string());
        let fields: Vec<_> =
            fields.map(|path| path.replace("spec.syncPolicies[0].helm.chart.", "")).collect();
        let expected = [
            "spec.valuesFiles",
            "metadata",
            "spec.interval",
            "spec.reconcileStrategy",
            "spec.ignoreMissingValuesFiles",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn files_that_are_stored_already_are_not_held_against_an_update() {
        let stored = application(
            "shop",
            from("ociRepository", &json!({"spec": {"valuesFiles": ["values-prod.yaml"]}})),
        );
        let mut update = stored.clone();
        update["spec"]["syncPolicies"][0]["helm"]["interval"] = json!("10m");
        assert!(judge(Kind::Application, update.clone(), Some(&stored), &catalog()).is_admitted());
        let [warning] = &said(&update, Some(&stored), &catalog())[..] else { panic!("one warning") };
        assert!(warning.contains("stored so already"), "{warning}");
        update["spec"]["syncPolicies"][0]["helm"]["chart"]["spec"]["valuesFiles"] = json!(["other.yaml"]);
        assert!(!judge(Kind::Application, update, Some(&stored), &catalog()).is_admitted());
    }
}
