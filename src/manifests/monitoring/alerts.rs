//! Who is to be told of what: a table.

/// When someone is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Now, at night too: nobody can deliver, or soon nobody can.
    Critical,
    /// In the morning.
    Warning,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
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
    /// In Prometheus' language. What Fleetgate counts it tells from 0 on; an API server tells a number with its
    /// first event, in which no rate is seen: so what was not told before is asked for, too.
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
    pub(super) name: &'static str,
    pub(super) alerts: &'static [Alert],
}

pub(super) const GROUPS: [Group; 4] = [
    Group { name: "fleetgate-admission", alerts: &ADMISSION },
    Group { name: "fleetgate-certificates", alerts: &CERTIFICATES },
    Group { name: "fleetgate-catalog", alerts: &CATALOG },
    Group { name: "fleetgate-delivery", alerts: &DELIVERY },
];

const ADMISSION: [Alert; 10] = [
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
        query: "sum by (name, type) (rate(apiserver_admission_webhook_rejection_count{name=~\"(default|validate)[.]fleetgate[.]dev\",error_type=\"calling_webhook_error\"}[5m])) > 0 or sum by (name, type) (apiserver_admission_webhook_rejection_count{name=~\"(default|validate)[.]fleetgate[.]dev\",error_type=\"calling_webhook_error\"} unless max_over_time(apiserver_admission_webhook_rejection_count{name=~\"(default|validate)[.]fleetgate[.]dev\",error_type=\"calling_webhook_error\"}[1h] offset 5m) and on (job, instance) max_over_time(up[1h] offset 5m)) > 0",
        lasts: "2m",
        severity: Severity::Critical,
        summary: "The API server gets no answer from Fleetgate's webhook.",
        description: "Requests are refused because the API server does not reach {{ $labels.name }}, does not trust its certificate, or waits too long for it.",
        runbook: "the-api-server-gets-no-answer",
    },
    Alert {
        name: "FleetgateGateOpen",
        query: "sum by (name, type) (increase(apiserver_admission_webhook_fail_open_count{name=~\"(default|validate)[.]fleetgate[.]dev\"}[15m])) > 0 or sum by (name, type) (apiserver_admission_webhook_fail_open_count{name=~\"(default|validate)[.]fleetgate[.]dev\"} unless max_over_time(apiserver_admission_webhook_fail_open_count{name=~\"(default|validate)[.]fleetgate[.]dev\"}[1h] offset 15m) and on (job, instance) max_over_time(up[1h] offset 15m)) > 0",
        lasts: "1m",
        severity: Severity::Warning,
        summary: "The API server admits what Fleetgate has not reviewed.",
        description: "The failure policy of {{ $labels.name }} is Ignore, and nobody answers.",
        runbook: "everything-is-refused-after-an-upgrade",
    },
    Alert {
        name: "FleetgateReviewsShed",
        query: "sum by (namespace) (rate(fleetgate_reviews_total{verdict=\"shed\"}[5m])) / sum by (namespace) (rate(fleetgate_reviews_total[5m])) > 0.01",
        lasts: "5m",
        severity: Severity::Critical,
        summary: "Fleetgate refuses what it has no time to review.",
        description: "{{ $value | humanizePercentage }} of all reviews are refused for want of time. Clients try again by themselves, and give up in the end.",
        runbook: "more-is-asked-than-can-be-answered",
    },
    Alert {
        name: "FleetgateReviewsSlow",
        query: "histogram_quantile(0.99, sum by (namespace, le) (rate(fleetgate_review_seconds_bucket[5m]))) > 1",
        lasts: "10m",
        severity: Severity::Warning,
        summary: "Reviews take long.",
        description: "One in a hundred takes longer than {{ $value | humanizeDuration }}. The API server gives up after five seconds.",
        runbook: "more-is-asked-than-can-be-answered",
    },
    Alert {
        name: "FleetgateReviewsFail",
        query: "sum by (namespace) (increase(fleetgate_reviews_total{verdict=\"failed\"}[15m])) > 0",
        lasts: "1m",
        severity: Severity::Warning,
        summary: "Fleetgate itself fails at an object.",
        description: "{{ $value | humanize }} reviews in 15 minutes ended with a fault of Fleetgate's own. Other objects are reviewed as ever.",
        runbook: "a-review-fails",
    },
    Alert {
        name: "FleetgateRequestsUnread",
        query: "sum by (namespace, reason) (rate(fleetgate_requests_unread_total{reason=~\"crowded|too-slow\"}[5m])) > 0",
        lasts: "10m",
        severity: Severity::Warning,
        summary: "Fleetgate does not read what it is asked.",
        description: "Requests are not read to their end ({{ $labels.reason }}).",
        runbook: "more-is-asked-than-can-be-answered",
    },
    Alert {
        name: "FleetgateLogLinesDropped",
        query: "sum by (namespace, pod) (increase(fleetgate_log_lines_dropped_total[15m])) > 0",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "Fleetgate's log has gaps.",
        description: "Nobody reads the log of pod {{ $labels.pod }} in time: {{ $value | humanize }} lines of 15 minutes are missing.",
        runbook: "lines-of-the-log-are-missing",
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

const CERTIFICATES: [Alert; 3] = [
    Alert {
        name: "FleetgateCertificateExpired",
        query: "min by (namespace, pod) (fleetgate_certificate_expiry_timestamp_seconds) - time() <= 0",
        lasts: "1m",
        severity: Severity::Critical,
        summary: "The certificate of Fleetgate's webhook has expired.",
        description: "Pod {{ $labels.pod }} serves a certificate that no API server accepts.",
        runbook: "the-certificate-is-not-trusted-or-has-expired",
    },
    Alert {
        name: "FleetgateCertificateExpiresSoon",
        query: "min by (namespace, pod) (fleetgate_certificate_expiry_timestamp_seconds) - time() < 14 * 86400",
        lasts: "1h",
        severity: Severity::Warning,
        summary: "The certificate of Fleetgate's webhook expires soon, and is not renewed.",
        description: "Pod {{ $labels.pod }} serves one that is valid for another {{ $value | humanizeDuration }}. The next one is due thirty days before the end.",
        runbook: "the-certificate-is-not-trusted-or-has-expired",
    },
    Alert {
        name: "FleetgateBundleTakenBack",
        query: "sum by (namespace) (increase(fleetgate_ca_bundle_injections_total[15m])) > 5",
        lasts: "5m",
        severity: Severity::Warning,
        summary: "Somebody takes back whom the webhook configurations trust.",
        description: "Fleetgate set caBundle {{ $value | humanize }} times in 15 minutes. Each time, admissions fail for a moment.",
        runbook: "somebody-takes-the-cabundle-back",
    },
];

const CATALOG: [Alert; 3] = [
    Alert {
        name: "FleetgateCatalogStale",
        query: "max by (namespace, pod, watch) (fleetgate_catalog_age_seconds) > 300",
        lasts: "1m",
        severity: Severity::Warning,
        summary: "Fleetgate decides by what it knew.",
        description: "The watch of {{ $labels.watch }} in pod {{ $labels.pod }} has been broken for {{ $value | humanizeDuration }}. The last good state serves.",
        runbook: "a-watch-is-broken",
    },
    Alert {
        name: "FleetgateObjectsUnreadable",
        query: "max by (namespace, watch) (fleetgate_catalog_unreadable) > 0",
        lasts: "15m",
        severity: Severity::Warning,
        summary: "Fleetgate cannot read an object.",
        description: "{{ $value }} of {{ $labels.watch }} are passed over; the log names them.",
        runbook: "an-object-cannot-be-read",
    },
    Alert {
        name: "FleetgateWatchBroken",
        query: "max by (namespace, pod, watch) (fleetgate_watch_age_seconds) > 600",
        lasts: "5m",
        severity: Severity::Warning,
        summary: "Fleetgate does not hear of what changes.",
        description: "Pod {{ $labels.pod }} has not opened its watch of {{ $labels.watch }} for {{ $value | humanizeDuration }}. It decides by what it knew then.",
        runbook: "a-watch-is-broken",
    },
];

const DELIVERY: [Alert; 9] = [
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
        name: "FleetgateControllerBlind",
        query: "max by (namespace, pod, watch) (fleetgate_controller_watch_age_seconds) > 300",
        lasts: "1m",
        severity: Severity::Critical,
        summary: "Fleetgate's controller does not see what it goes by.",
        description: "Pod {{ $labels.pod }} leads, and its watch of {{ $labels.watch }} has been broken for {{ $value | humanizeDuration }}. Where it has listed nothing yet, it delivers nothing.",
        runbook: "the-controller-does-not-see-what-it-goes-by",
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
        query: "sum by (namespace, kind, verb) (rate(fleetgate_writes_total{outcome=\"refused\"}[10m]) or rate(fleetgate_writes_total{outcome=\"missing\",verb=\"apply\"}[10m])) > 0",
        lasts: "30m",
        severity: Severity::Warning,
        summary: "The API server refuses what Fleetgate's controller writes.",
        description: "It refuses to {{ $labels.verb }} {{ $labels.kind }}: rights or its CRD are missing, or an admission of somebody else's is against it.",
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
