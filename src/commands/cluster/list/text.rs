//! A list of clusters as a table. Pure.

use k8s_openapi::jiff::Timestamp;

use super::super::labels::in_one;
use super::row::Row;
use crate::commands::age::age;
use crate::commands::paint::plain;

const COLUMNS: [&str; 9] =
    ["NAMESPACE", "NAME", "KIND", "ENDPOINT", "VERSION", "READY", "FLEETS", "LABELS", "AGE"];

/// What a wide table has beside those.
const WIDE: [&str; 3] = ["SECRET", "REASON", "MESSAGE"];

/// What is said where there is no cluster.
pub(super) fn none(namespace: Option<&str>) -> String {
    namespace.map_or_else(
        || "No clusters found\n".to_owned(),
        |namespace| format!("No clusters found in namespace {namespace}\n"),
    )
}

/// A line for each, below a heading.
pub(super) fn table(rows: &[Row], wide: bool) -> String {
    let now = Timestamp::now();
    let columns = if wide { COLUMNS.len() + WIDE.len() } else { COLUMNS.len() };
    let heading = COLUMNS.iter().chain(&WIDE).map(|name| (*name).to_owned()).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(heading).chain(rows.iter().map(|row| cells(row, now))).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: &Vec<String>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{:width$}", plain(cell)));
        format!("{}\n", cells.collect::<Vec<_>>().join("   ").trim_end())
    };
    lines.iter().map(line).collect()
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    let key = &row.cluster.key;
    let ready = row.ready.map_or("Unknown", |ready| if ready { "True" } else { "False" });
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let secret = row.cluster.kubeconfig.as_ref().map(|kubeconfig| kubeconfig.secret.clone());
    let cells = [
        key.namespace.clone(),
        key.name.clone(),
        key.kind.to_string(),
        known(&row.endpoint),
        known(&row.version),
        ready.to_owned(),
        row.fleets.join(","),
        in_one(&row.cluster.labels),
        row.created.map(|created| age(created, now)).unwrap_or_default(),
        known(&secret),
        known(&row.reason),
        known(&row.message),
    ];
    cells.map(|cell| if cell.is_empty() { "-".to_owned() } else { cell }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_plan::{Cluster, ClusterKind};
    use serde_json::json;

    fn rows() -> [Row; 2] {
        let attached = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": "m1", "namespace": "default", "labels": {"env": "test", "region": "eu"}},
            "spec": {"kubeconfig": {"name": "of-m1"}},
            "status": {"ready": false, "version": "v1.36.3", "conditions": [{
                "type": "Ready", "status": "False", "reason": "Unreachable", "message": "10.0.0.1:6443 is\nnot ready",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }]},
        }));
        let attached = Row::attached(&attached.expect("a cluster"));
        let provisioned = serde_json::from_value(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
            "metadata": {"name": "prod", "namespace": "default"},
        }));
        let provisioned = provisioned.expect("a cluster");
        let provisioned = Row::provisioned(&Cluster::provisioned(ClusterKind::ClusterApi, &provisioned));
        [
            Row {
                endpoint: Some("https://10.0.0.1:6443".to_owned()),
                fleets: vec!["a".to_owned(), "b".to_owned()],
                ..attached
            },
            provisioned,
        ]
    }

    #[test]
    fn a_line_for_each() {
        let expected = "\
NAMESPACE   NAME   KIND                       ENDPOINT                VERSION   READY     FLEETS   LABELS               AGE
default     m1     AttachedCluster            https://10.0.0.1:6443   v1.36.3   False     a,b      env=test,region=eu   -
default     prod   Cluster.cluster.x-k8s.io   -                       -         Unknown   -        -                    -
";
        assert_eq!(table(&rows(), false), expected);
        let wide = table(&rows(), true);
        let first = wide.lines().nth(1).unwrap_or_default();
        assert!(first.ends_with("of-m1             Unreachable   10.0.0.1:6443 is not ready"), "{wide}");
        assert_eq!(table(&[], false).lines().count(), 1);
    }

    #[test]
    fn programs_get_what_is_known() {
        let [attached, provisioned] = rows().map(|row| (row.resource(), json!(row)));
        assert_eq!(attached.0, "attachedcluster.cluster.kurator.dev/m1");
        assert_eq!(provisioned.0, "cluster.cluster.x-k8s.io/prod");
        assert_eq!(attached.1["labels"], json!({"env": "test", "region": "eu"}));
        assert_eq!((&attached.1["ready"], &attached.1["secret"]), (&json!(false), &json!("of-m1")));
        assert_eq!(
            (&provisioned.1["ready"], &provisioned.1["secret"]),
            (&json!(null), &json!("prod-kubeconfig"))
        );
    }
}
