//! What the dashboard shows of the webhook.

use super::{Look, Panel};

pub(super) const ADMISSION: [Panel; 10] = [
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
            "(sum(rate(fleetgate_reviews_total{namespace=~\"$namespace\",verdict=\"denied\"}[$__rate_interval])) or vector(0)) / (sum(rate(fleetgate_reviews_total{namespace=~\"$namespace\"}[$__rate_interval])) > 0)",
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

pub(super) const CERTIFICATES: [Panel; 2] = [
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

pub(super) const CATALOG: [Panel; 4] = [
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
