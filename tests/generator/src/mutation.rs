//! Mutations: each breaks one thing in a valid Application.

use serde_json::{Value, json};

mod edit;

use self::edit::{remove, replace, replace_in, set};

/// One way to break an Application.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// What is broken, for a test's message.
    pub what: &'static str,
    /// The code that must refuse it.
    pub code: &'static str,
    /// Breaks the object; says whether there was something to break.
    pub apply: fn(&mut Value) -> bool,
}

/// Every mutation.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        what: "a name of 64 characters",
        code: "object/name",
        apply: |app| set(app, "/metadata", "name", json!("a".repeat(64))),
    },
    Mutation {
        what: "no source",
        code: "source/exactly-one",
        apply: |app| set(app, "/spec", "source", json!({})),
    },
    Mutation {
        what: "a second source",
        code: "source/exactly-one",
        apply: |app| {
            let other =
                if app.pointer("/spec/source/bucket").is_some() { "helmRepository" } else { "bucket" };
            let content = match other {
                "bucket" => json!({"bucketName": "other", "endpoint": "s3.example.com", "interval": "5m"}),
                _ => json!({"url": "https://charts.example.com"}),
            };
            set(app, "/spec/source", other, content)
        },
    },
    Mutation {
        what: "a scheme that git does not have",
        code: "source/url",
        apply: |app| replace(app, "/spec/source/gitRepository", "url", json!("ftp://example.com/repo")),
    },
    Mutation {
        what: "a tag in an OCI URL",
        code: "source/url",
        apply: |app| {
            replace(app, "/spec/source/ociRepository", "url", json!("oci://ghcr.io/org/manifests:v1"))
        },
    },
    Mutation {
        what: "an OCI URL of type default",
        code: "source/helm-type",
        apply: |app| {
            replace(app, "/spec/source/helmRepository", "url", json!("oci://ghcr.io/org/charts"))
                && set(app, "/spec/source/helmRepository", "type", json!("default"))
        },
    },
    Mutation {
        what: "a range that does not parse",
        code: "source/semver",
        apply: |app| replace(app, "/spec/source/gitRepository", "ref", json!({"semver": ">>1.0"})),
    },
    Mutation {
        what: "a commit that is no SHA",
        code: "source/ref",
        apply: |app| replace(app, "/spec/source/gitRepository", "ref", json!({"commit": "main"})),
    },
    Mutation {
        what: "an interval that is no duration",
        code: "source/interval",
        apply: |app| replace_in(app, "/spec/source", "interval", json!("often")),
    },
    Mutation {
        what: "no policies",
        code: "policy/none",
        apply: |app| set(app, "/spec", "syncPolicies", json!([])),
    },
    Mutation {
        what: "an empty policy",
        code: "policy/exactly-one",
        apply: |app| {
            remove(app, "/spec/syncPolicies/0", "kustomization")
                || remove(app, "/spec/syncPolicies/0", "helm")
        },
    },
    Mutation {
        what: "a policy's name that is no DNS subdomain",
        code: "policy/name",
        apply: |app| set(app, "/spec/syncPolicies/0", "name", json!("my_policy")),
    },
    Mutation {
        what: "two policies of one name",
        code: "policy/name",
        apply: |app| {
            set(app, "/spec/syncPolicies/0", "name", json!("same"))
                && set(app, "/spec/syncPolicies/1", "name", json!("same"))
        },
    },
    Mutation {
        what: "a namespace that is no DNS label",
        code: "policy/target-namespace",
        apply: |app| set(app, "/spec/syncPolicies/0/kustomization", "targetNamespace", json!("a.b")),
    },
    Mutation {
        what: "a policy that depends on itself",
        code: "policy/depends-on",
        apply: |app| {
            set(app, "/spec/syncPolicies/0", "name", json!("self"))
                && set(app, "/spec/syncPolicies/0/kustomization", "dependsOn", json!([{"name": "self"}]))
        },
    },
    Mutation {
        what: "a label that no object can carry",
        code: "policy/metadata",
        apply: |app| {
            set(
                app,
                "/spec/syncPolicies/0/kustomization",
                "commonMetadata",
                json!({"labels": {"a": "not valid!"}}),
            )
        },
    },
    Mutation {
        what: "a patch that is none",
        code: "kustomization/patch-target",
        apply: |app| {
            set(app, "/spec/syncPolicies/0/kustomization", "patches", json!([{"patch": "nonsense"}]))
        },
    },
    Mutation {
        what: "a variable with a hyphen",
        code: "kustomization/substitute",
        apply: |app| {
            set(app, "/spec/syncPolicies/0/kustomization", "postBuild", json!({"substitute": {"a-b": "c"}}))
        },
    },
    Mutation {
        what: "a release name of 54 characters",
        code: "helm/release-name",
        apply: |app| set(app, "/spec/syncPolicies/0/helm", "releaseName", json!("a".repeat(54))),
    },
    Mutation {
        what: "values from an unknown kind",
        code: "helm/values",
        apply: |app| {
            set(app, "/spec/syncPolicies/0/helm", "valuesFrom", json!([{"kind": "Deployment", "name": "a"}]))
        },
    },
    Mutation {
        what: "an empty chart name",
        code: "schema/HelmRelease",
        apply: |app| replace(app, "/spec/syncPolicies/0/helm/chart/spec", "chart", json!("")),
    },
    Mutation {
        what: "another fleet",
        code: "destination/several-fleets",
        apply: |app| {
            app.pointer("/spec/destination").is_some()
                && set(app, "/spec/syncPolicies/0", "destination", json!({"fleet": "other"}))
        },
    },
    Mutation {
        what: "a selector without fleet",
        code: "destination/fleet-missing",
        apply: |app| {
            set(app, "/spec", "destination", json!({"clusterSelector": {"matchLabels": {"env": "dev"}}}))
        },
    },
    Mutation {
        what: "an operator that does not exist",
        code: "selector/syntax",
        apply: |app| {
            let selector = json!({"matchExpressions": [{"key": "env", "operator": "in", "values": ["dev"]}]});
            app.pointer("/spec/destination").is_some()
                && set(app, "/spec/destination", "clusterSelector", selector)
        },
    },
    Mutation {
        what: "a provider in another spelling",
        code: "rollout/provider",
        apply: |app| replace(app, ROLLOUT, "trafficRoutingProvider", json!("Istio")),
    },
    Mutation {
        what: "a port that there is not",
        code: "rollout/port",
        apply: |app| replace(app, ROLLOUT, "port", json!(70_000)),
    },
    Mutation {
        what: "a Service's name in upper case",
        code: "rollout/service",
        apply: |app| replace(app, ROLLOUT, "serviceName", json!("Web")),
    },
    Mutation {
        what: "a workload without namespace",
        code: "rollout/workload",
        apply: |app| remove(app, &format!("{ROLLOUT}/workload"), "namespace"),
    },
    Mutation {
        what: "a workload that Flagger cannot roll out",
        code: "rollout/workload",
        apply: |app| replace(app, &format!("{ROLLOUT}/workload"), "kind", json!("Job")),
    },
    Mutation {
        what: "both strategies",
        code: "rollout/strategy",
        apply: |app| {
            app.pointer(&format!("{ROUTING}/canaryStrategy")).is_some()
                && set(app, ROUTING, "analysisTimes", json!(3))
        },
    },
    Mutation {
        what: "both kinds of steps",
        code: "rollout/step-weights-exclusive",
        apply: |app| {
            replace(app, ROUTING, "canaryStrategy", json!({"stepWeight": 10, "stepWeights": [10, 20]}))
        },
    },
    Mutation {
        what: "a negative step",
        code: "rollout/step-weight",
        apply: |app| replace(app, ROUTING, "canaryStrategy", json!({"stepWeight": -10})),
    },
    Mutation {
        what: "steps that fall",
        code: "rollout/step-weights",
        apply: |app| replace(app, ROUTING, "canaryStrategy", json!({"stepWeights": [30, 10]})),
    },
    Mutation {
        what: "a weight above 100",
        code: "rollout/max-weight",
        apply: |app| replace(app, ROUTING, "canaryStrategy", json!({"stepWeight": 10, "maxWeight": 150})),
    },
    Mutation {
        what: "a success rate of 150 percent",
        code: "rollout/metric-range",
        apply: |app| {
            // Without analysis nobody looks at it.
            remove(app, POLICY, "skipTrafficAnalysis");
            set(
                app,
                ANALYSIS,
                "metrics",
                json!([{"name": "request-success-rate", "thresholdRange": {"min": 150}}]),
            )
        },
    },
    Mutation {
        what: "a metric that is not built in",
        code: "rollout/metric-name",
        apply: |app| set(app, ANALYSIS, "metrics", json!([{"name": "mine", "thresholdRange": {"max": 1}}])),
    },
    Mutation {
        what: "a query that calls what there is not",
        code: "rollout/metric-template",
        apply: |app| {
            set(
                app,
                ANALYSIS,
                "metrics",
                json!([{
                    "name": "mine", "thresholdRange": {"max": 1},
                    "customMetric": {
                        "provider": {"type": "prometheus", "address": "http://prometheus:9090"}, "query": "{{ cluster }}",
                    },
                }]),
            )
        },
    },
    Mutation {
        what: "a negative check interval",
        code: "rollout/interval",
        apply: |app| set(app, ANALYSIS, "checkIntervalSeconds", json!(-1)),
    },
    Mutation {
        what: "an affinity without cookie",
        code: "rollout/session-affinity",
        apply: |app| set(app, ANALYSIS, "sessionAffinity", json!({"maxAge": 60})),
    },
    Mutation {
        what: "a Boolean that is a text",
        code: "object/unreadable",
        apply: |app| replace(app, "/spec/syncPolicies/0/kustomization", "prune", json!("yes")),
    },
];

const ROLLOUT: &str = "/spec/syncPolicies/0/rollout";
const POLICY: &str = "/spec/syncPolicies/0/rollout/rolloutPolicy";
const ROUTING: &str = "/spec/syncPolicies/0/rollout/rolloutPolicy/trafficRouting";
const ANALYSIS: &str = "/spec/syncPolicies/0/rollout/rolloutPolicy/trafficAnalysis";
