//! What the dashboard shows of the controllers, and of the processes.

use super::{Look, Panel};

pub(super) const DELIVERY: [Panel; 8] = [
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

pub(super) const CLUSTERS: [Panel; 2] = [
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
pub(super) const PROCESSES: [Panel; 5] = [
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
