//! What the dashboard shows: a table.

/// Panels below one title.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: &'static [Panel],
}

/// What one panel shows.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) look: Look,
    /// As Grafana names units.
    pub(super) unit: &'static str,
    /// In Prometheus' language with Grafana's variables, and what each line is called.
    pub(super) queries: &'static [(&'static str, &'static str)],
}

/// How a panel looks.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// One number, which is green below a limit and red from there on.
    RedFrom(f64),
    /// One number, which is red below a limit and green from there on.
    GreenFrom(f64),
    /// One number, neither good nor bad.
    Number,
    /// Lines over time.
    Lines,
}

pub(super) const ROWS: [Row; 6] = [
    Row { title: "Admission", panels: &ADMISSION },
    Row { title: "Certificates", panels: &CERTIFICATES },
    Row { title: "Catalog", panels: &CATALOG },
    Row { title: "Delivery", panels: &DELIVERY },
    Row { title: "Clusters", panels: &CLUSTERS },
    Row { title: "Processes", panels: &PROCESSES },
];

const ADMISSION: [Panel; 10] = [
    Panel {
        title: "Webhooks that answer",
        about: "Processes that take reviews. None: nobody can deliver.",
        look: Look::GreenFrom(1.0),
        unit: "none",
        queries: &[("count(fleetgate_connections{namespace=~\"$namespace\"}) or vector(0)", "")],
    },
    Panel {
        title: "Denied",
        about: "Of a hundred reviews, those that came to a denial.",
        look: Look::Number,
        unit: "percentunit",
        queries: &[(
            "sum(rate(fleetgate_reviews_total{namespace=~\"$namespace\",verdict=\"denied\"}[$__rate_interval])) / sum(rate(fleetgate_reviews_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "",
        )],
    },
    Panel {
        title: "Reviews",
        about: "shed: there was no time. failed: a fault of Fleetgate's own. malformed: not from an API server.",
        look: Look::Lines,
        unit: "reqps",
        queries: &[(
            "sum by (verdict) (rate(fleetgate_reviews_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "{{verdict}}",
        )],
    },
    Panel {
        title: "What is denied",
        about: "The first code of each denial: fleetgate explain CODE says more.",
        look: Look::Lines,
        unit: "reqps",
        queries: &[(
            "topk(10, sum by (kind, code) (rate(fleetgate_reviews_total{namespace=~\"$namespace\",verdict=\"denied\"}[$__rate_interval])))",
            "{{kind}} {{code}}",
        )],
    },
    Panel {
        title: "How long a review takes",
        about: "From the head of a request to its answer, with the time that its body took to come. A quarter of a second where a Fleet that is named is waited for.",
        look: Look::Lines,
        unit: "s",
        queries: &[
            (
                "histogram_quantile(0.99, sum by (le, webhook) (rate(fleetgate_review_seconds_bucket{namespace=~\"$namespace\"}[$__rate_interval])))",
                "p99 {{webhook}}",
            ),
            (
                "histogram_quantile(0.5, sum by (le, webhook) (rate(fleetgate_review_seconds_bucket{namespace=~\"$namespace\"}[$__rate_interval])))",
                "p50 {{webhook}}",
            ),
        ],
    },
    Panel {
        title: "Not read",
        about: "Bodies that were not read, and why.",
        look: Look::Lines,
        unit: "reqps",
        queries: &[(
            "sum by (reason) (rate(fleetgate_requests_unread_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "{{reason}}",
        )],
    },
    Panel {
        title: "Lines missing in the log",
        about: "Nobody read them in time.",
        look: Look::Lines,
        unit: "cps",
        queries: &[(
            "sum by (pod) (rate(fleetgate_log_lines_dropped_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "{{pod}}",
        )],
    },
    Panel {
        title: "Unanswered",
        about: "What the API server refused for want of an answer, as it tells itself.",
        look: Look::Lines,
        unit: "reqps",
        queries: &[(
            "sum by (name, type) (rate(apiserver_admission_webhook_rejection_count{name=~\".*[.]fleetgate[.]dev\",error_type=\"calling_webhook_error\"}[$__rate_interval]))",
            "{{name}} ({{type}})",
        )],
    },
    Panel {
        title: "Connections",
        about: "Some tens for each API server.",
        look: Look::Lines,
        unit: "none",
        queries: &[("sum by (pod) (fleetgate_connections{namespace=~\"$namespace\"})", "{{pod}}")],
    },
    Panel {
        title: "Connections let go",
        about: "late: the client took too long. displaced: there were too many.",
        look: Look::Lines,
        unit: "cps",
        queries: &[(
            "sum by (reason) (rate(fleetgate_connections_dropped_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "{{reason}}",
        )],
    },
];

const CERTIFICATES: [Panel; 2] = [
    Panel {
        title: "Valid for",
        about: "Of the certificate that expires first. It is renewed thirty days before its end.",
        look: Look::GreenFrom(14.0 * 86_400.0),
        unit: "s",
        queries: &[(
            "min(fleetgate_certificate_expiry_timestamp_seconds{namespace=~\"$namespace\"}) - time()",
            "",
        )],
    },
    Panel {
        title: "caBundle set",
        about: "Twice for each rotation. More: somebody takes it back.",
        look: Look::Lines,
        unit: "none",
        queries: &[(
            "sum(increase(fleetgate_ca_bundle_injections_total{namespace=~\"$namespace\"}[$__rate_interval]))",
            "times",
        )],
    },
];

const CATALOG: [Panel; 4] = [
    Panel {
        title: "Objects",
        about: "What reviews and controllers know.",
        look: Look::Lines,
        unit: "none",
        queries: &[("max by (kind) (fleetgate_catalog_objects{namespace=~\"$namespace\"})", "{{kind}}")],
    },
    Panel {
        title: "Broken watches",
        about: "For how long the last good state has served. 0 while all work.",
        look: Look::Lines,
        unit: "s",
        queries: &[(
            "max by (watch) (fleetgate_catalog_age_seconds{namespace=~\"$namespace\"}) > 0",
            "{{watch}}",
        )],
    },
    Panel {
        title: "Not readable",
        about: "Objects that are passed over; the log names them.",
        look: Look::Lines,
        unit: "none",
        queries: &[(
            "max by (watch) (fleetgate_catalog_unreadable{namespace=~\"$namespace\"}) > 0",
            "{{watch}}",
        )],
    },
    Panel {
        title: "Age of each watch",
        about: "A saw-tooth up to five minutes. Above ten the watch is broken, and the last good state serves.",
        look: Look::Lines,
        unit: "s",
        queries: &[("max by (watch) (fleetgate_watch_age_seconds{namespace=~\"$namespace\"})", "{{watch}}")],
    },
];

const DELIVERY: [Panel; 8] = [
    Panel {
        title: "Leaders",
        about: "Controllers that work: one, unless several share the work by namespaces or labels.",
        look: Look::GreenFrom(1.0),
        unit: "none",
        queries: &[("sum(fleetgate_leader{namespace=~\"$namespace\"}) or vector(0)", "")],
    },
    Panel {
        title: "Removals held",
        about: "Applications of which a removal is held until someone confirms it.",
        look: Look::RedFrom(1.0),
        unit: "none",
        queries: &[("sum(fleetgate_prunes_held{namespace=~\"$namespace\"})", "")],
    },
    Panel {
        title: "Waiting",
        about: "Applications that are to be looked at, and wait.",
        look: Look::Lines,
        unit: "none",
        queries: &[("sum(fleetgate_queue_depth{namespace=~\"$namespace\"})", "Applications")],
    },
    Panel {
        title: "Longest wait",
        about: "How long the first of them has waited.",
        look: Look::Lines,
        unit: "s",
        queries: &[("max(fleetgate_queue_oldest_seconds{namespace=~\"$namespace\"})", "the first")],
    },
    Panel {
        title: "Looks at objects",
        about: "failed: tried again, at longer and longer distances.",
        look: Look::Lines,
        unit: "ops",
        queries: &[(
            "sum by (controller, outcome) (rate(fleetgate_reconcile_seconds_count{namespace=~\"$namespace\"}[$__rate_interval]))",
            "{{controller}} {{outcome}}",
        )],
    },
    Panel {
        title: "How long a look takes",
        about: "Of a hundred looks, the slowest but one; and the one in the middle.",
        look: Look::Lines,
        unit: "s",
        queries: &[
            (
                "histogram_quantile(0.99, sum by (le, controller) (rate(fleetgate_reconcile_seconds_bucket{namespace=~\"$namespace\"}[$__rate_interval])))",
                "p99 {{controller}}",
            ),
            (
                "histogram_quantile(0.5, sum by (le, controller) (rate(fleetgate_reconcile_seconds_bucket{namespace=~\"$namespace\"}[$__rate_interval])))",
                "p50 {{controller}}",
            ),
        ],
    },
    Panel {
        title: "At work",
        about: "Objects that are looked at right now: at most --concurrency Applications.",
        look: Look::Lines,
        unit: "none",
        queries: &[(
            "sum by (controller) (fleetgate_reconciles_running{namespace=~\"$namespace\"})",
            "{{controller}}",
        )],
    },
    Panel {
        title: "Writes",
        about: "None at all while nothing changes.",
        look: Look::Lines,
        unit: "wps",
        queries: &[(
            "sum by (verb, kind, outcome) (rate(fleetgate_writes_total{namespace=~\"$namespace\"}[$__rate_interval])) > 0",
            "{{verb}} {{kind}} {{outcome}}",
        )],
    },
];

const CLUSTERS: [Panel; 2] = [
    Panel {
        title: "Not ready",
        about: "AttachedClusters that cannot be delivered to.",
        look: Look::RedFrom(1.0),
        unit: "none",
        queries: &[(
            "sum(fleetgate_clusters{namespace=~\"$namespace\",state=\"not-ready\"}) or vector(0)",
            "",
        )],
    },
    Panel {
        title: "Clusters",
        about: "AttachedClusters, by state.",
        look: Look::Lines,
        unit: "none",
        queries: &[("sum by (state) (fleetgate_clusters{namespace=~\"$namespace\"})", "{{state}}")],
    },
];

/// Others in the namespace tell the same of themselves: of them nothing is shown.
const PROCESSES: [Panel; 5] = [
    Panel {
        title: "Versions",
        about: "How many processes there are of each. Two versions: a roll-out is under way, or stuck.",
        look: Look::Lines,
        unit: "none",
        queries: &[("count by (version) (fleetgate_build_info{namespace=~\"$namespace\"})", "{{version}}")],
    },
    Panel {
        title: "Memory",
        about: "How much it may be stands in the Deployments.",
        look: Look::Lines,
        unit: "bytes",
        queries: &[(
            "max by (pod) (process_resident_memory_bytes{namespace=~\"$namespace\"} and on (namespace, pod) fleetgate_build_info{namespace=~\"$namespace\"})",
            "{{pod}}",
        )],
    },
    Panel {
        title: "Descriptors",
        about: "Those that are open, and how many may be.",
        look: Look::Lines,
        unit: "none",
        queries: &[
            (
                "max by (pod) (process_open_fds{namespace=~\"$namespace\"} and on (namespace, pod) fleetgate_build_info{namespace=~\"$namespace\"})",
                "{{pod}}",
            ),
            (
                "min(process_max_fds{namespace=~\"$namespace\"} and on (namespace, pod) fleetgate_build_info{namespace=~\"$namespace\"})",
                "at most",
            ),
        ],
    },
    Panel {
        title: "Processors at work",
        about: "As many reviews run at a time as there are processors, but one.",
        look: Look::Lines,
        unit: "none",
        queries: &[(
            "max by (pod) (rate(process_cpu_seconds_total{namespace=~\"$namespace\"}[$__rate_interval]) and on (namespace, pod) fleetgate_build_info{namespace=~\"$namespace\"})",
            "{{pod}}",
        )],
    },
    Panel {
        title: "Up for",
        about: "Since the process started. One that falls to 0 again and again does not stay up.",
        look: Look::Lines,
        unit: "s",
        queries: &[(
            "time() - max by (pod) (process_start_time_seconds{namespace=~\"$namespace\"} and on (namespace, pod) fleetgate_build_info{namespace=~\"$namespace\"})",
            "{{pod}}",
        )],
    },
];
