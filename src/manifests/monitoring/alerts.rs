//! The alerts: a table, as a rules file of Prometheus and as an object of its operator.

use serde_json::{Value, json};

use super::super::{APP, LABEL_NAME, NAMESPACE};

/// Where what to do stands, for each of them.
const RUNBOOK: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/operations.md");

/// When someone is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Now, at night too: nobody can deliver, or soon nobody can.
    Critical,
    /// In the morning.
    Warning,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// One alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alert {
    pub(super) name: &'static str,
    /// In Prometheus' language.
    pub(super) query: &'static str,
    /// How long it has to be so.
    pub(super) lasts: &'static str,
    pub(super) severity: Severity,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// The heading of `docs/operations.md`, as a fragment.
    pub(super) runbook: &'static str,
}

/// Those of one subject.
pub(super) struct Group {
    name: &'static str,
    pub(super) alerts: &'static [Alert],
}

pub(super) const GROUPS: [Group; 3] = [
    Group { name: "fleetgate-admission", alerts: &ADMISSION },
    Group { name: "fleetgate-catalog", alerts: &CATALOG },
    Group { name: "fleetgate-delivery", alerts: &DELIVERY },
];

const ADMISSION: [Alert; 4] = [
    Alert {
        name: "FleetgateWebhookAbsent",
        query: "absent(fleetgate_connections)",
        lasts: "5m",
        severity: Severity::Critical,
        summary: "No webhook of Fleetgate answers.",
        description: "No process tells that it takes reviews. Applications, Fleets and AttachedClusters can neither be created nor changed until one does.",
        runbook: "no-webhook-answers",
    },
    Alert {
        name: "FleetgateWebhookAlone",
        query: "count(fleetgate_connections) == 1 and max_over_time(count(fleetgate_connections)[1d:5m]) > 1",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "One webhook of Fleetgate is left of several.",
        description: "One process takes all reviews, and nobody does once it stops. There were more within a day.",
        runbook: "no-webhook-answers",
    },
    Alert {
        name: "FleetgateReviewsUnanswered",
        query: "sum by (name, type) (rate(apiserver_admission_webhook_rejection_count{name=~\"(default|validate)[.]fleetgate[.]dev\",error_type=\"calling_webhook_error\"}[5m])) > 0",
        lasts: "2m",
        severity: Severity::Critical,
        summary: "The API server gets no answer from Fleetgate's webhook.",
        description: "Requests are refused because the API server does not reach {{ $labels.name }}, does not trust its certificate, or waits too long for it.",
        runbook: "the-api-server-gets-no-answer",
    },
    Alert {
        name: "FleetgateConnectionsDisplaced",
        query: "sum by (namespace, pod) (rate(fleetgate_connections_dropped_total{reason=\"displaced\"}[5m])) > 0.1",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "A webhook of Fleetgate has more clients than it has connections for.",
        description: "Pod {{ $labels.pod }} closes connections to make room for others.",
        runbook: "more-is-asked-than-can-be-answered",
    },
];

const CATALOG: [Alert; 1] = [Alert {
    name: "FleetgateWatchBroken",
    query: "max by (namespace, pod, watch) (fleetgate_watch_age_seconds) > 600",
    lasts: "5m",
    severity: Severity::Warning,
    summary: "Fleetgate does not hear of what changes.",
    description: "Pod {{ $labels.pod }} has not opened its watch of {{ $labels.watch }} for {{ $value | humanizeDuration }}. It decides by what it knew then.",
    runbook: "a-watch-is-broken",
}];

const DELIVERY: [Alert; 8] = [
    Alert {
        name: "FleetgateNoLeader",
        query: "absent(fleetgate_leader == 1)",
        lasts: "2m",
        severity: Severity::Critical,
        summary: "No controller of Fleetgate works.",
        description: "Applications are admitted and not delivered. Flux keeps what there is.",
        runbook: "no-controller-works",
    },
    Alert {
        name: "FleetgateQueueStuck",
        query: "max by (namespace) (fleetgate_queue_oldest_seconds) > 300",
        lasts: "5m",
        severity: Severity::Warning,
        summary: "Applications wait for Fleetgate's controller.",
        description: "One of them has waited for {{ $value | humanizeDuration }} to be looked at.",
        runbook: "deliveries-are-late",
    },
    Alert {
        name: "FleetgateReconcilesFail",
        query: "sum by (namespace, controller) (rate(fleetgate_reconcile_seconds_count{outcome=\"failed\"}[10m])) / sum by (namespace, controller) (rate(fleetgate_reconcile_seconds_count[10m])) > 0.1",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "Fleetgate's controller fails.",
        description: "{{ $value | humanizePercentage }} of the looks at objects fail ({{ $labels.controller }}). Each is tried again, at longer and longer distances.",
        runbook: "looks-at-objects-fail",
    },
    Alert {
        name: "FleetgateWritesRefused",
        query: "sum by (namespace, kind, verb) (rate(fleetgate_writes_total{outcome=\"refused\"}[10m])) > 0",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "The API server refuses what Fleetgate's controller writes.",
        description: "It refuses to {{ $labels.verb }} {{ $labels.kind }}: rights are missing, or an admission of somebody else's is against it.",
        runbook: "looks-at-objects-fail",
    },
    Alert {
        name: "FleetgateWritesThrottled",
        query: "sum by (namespace) (rate(fleetgate_writes_total{outcome=\"throttled\"}[10m])) > 0.1",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "The API server asks Fleetgate's controller to write less.",
        description: "It answers with 429. What is throttled is written later.",
        runbook: "the-api-server-is-slow",
    },
    Alert {
        name: "FleetgateRemovalsHeld",
        query: "max by (namespace) (fleetgate_prunes_held) > 0",
        lasts: "24h",
        severity: Severity::Warning,
        summary: "A removal has been held for a day.",
        description: "A label, a Fleet or a cluster changed in such a way that {{ $value }} Applications would lose most of their clusters. Nothing is removed until somebody confirms it, or takes the change back.",
        runbook: "a-removal-is-held",
    },
    Alert {
        name: "FleetgateClustersNotReady",
        query: "max by (namespace) (fleetgate_clusters{kind=\"AttachedCluster\",state=\"not-ready\"}) > 0",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "Member clusters cannot be delivered to.",
        description: "{{ $value }} AttachedClusters are not ready.",
        runbook: "a-member-cluster-is-down",
    },
    Alert {
        name: "FleetgateClustersUnknown",
        query: "max by (namespace) (fleetgate_clusters{kind=\"AttachedCluster\",state=\"unknown\"}) > 0",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "Of member clusters nothing is known.",
        description: "{{ $value }} AttachedClusters have not been looked at, or not to the end.",
        runbook: "a-member-cluster-is-down",
    },
];

/// As a rules file has them.
pub(super) fn groups() -> Value {
    let groups = GROUPS.iter().map(|group| {
        let rules: Vec<Value> = group.alerts.iter().map(rule).collect();
        json!({"name": group.name, "rules": rules})
    });
    json!({"groups": groups.collect::<Vec<_>>()})
}

/// As the Prometheus operator finds them.
pub(super) fn prometheus_rule() -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "fleetgate", "namespace": NAMESPACE, "labels": {LABEL_NAME: APP}},
        "spec": groups(),
    })
}

fn rule(alert: &Alert) -> Value {
    json!({
        "alert": alert.name,
        "expr": alert.query,
        "for": alert.lasts,
        "labels": {"severity": alert.severity.as_str()},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": format!("{RUNBOOK}#{}", alert.runbook),
        },
    })
}
