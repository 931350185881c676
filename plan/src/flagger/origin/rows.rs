//! Which field of the rollout each field of a rendered object is made of.
//!
//! Another field in a renderer is another row here; a test goes through all that
//! is rendered and all that a rollout has.

use crate::flagger::MemberKind;

/// A field of a rendered object, and the field of the rollout that it is made
/// of. In the first `[]` stands for any item of a list and `{}` for any key of a
/// map; in the second each stands for what the one in its place was.
pub(super) struct Row {
    pub(super) made: &'static str,
    pub(super) of: &'static str,
    /// Whether all below has the same names in both.
    pub(super) alike: bool,
}

impl Row {
    /// All that is known about objects of a kind.
    pub(super) const fn of_kind(kind: MemberKind) -> &'static [Self] {
        match kind {
            MemberKind::Canary => CANARY,
            MemberKind::MetricTemplate => METRIC_TEMPLATE,
            MemberKind::Ingress => INGRESS,
            MemberKind::Deployment | MemberKind::Service => LOAD_TESTER,
            MemberKind::Namespace => NAMESPACE,
        }
    }
}

const fn one(made: &'static str, of: &'static str) -> Row {
    Row { made, of, alike: false }
}

const fn alike(made: &'static str, of: &'static str) -> Row {
    Row { made, of, alike: true }
}

const CANARY: &[Row] = &[
    one("metadata.name", "workload.name"),
    one("metadata.namespace", "workload.namespace"),
    one("spec.provider", "trafficRoutingProvider"),
    alike("spec.targetRef", "workload"),
    one("spec.ingressRef", "rolloutPolicy.trafficRouting.ingressRef"),
    one("spec.ingressRef.apiVersion", "rolloutPolicy.trafficRouting.ingressRef.apiVersion"),
    one("spec.ingressRef.name", "rolloutPolicy.trafficRouting.ingressRef.name"),
    one("spec.routeRef", "rolloutPolicy.trafficRouting.routeRef"),
    one("spec.routeRef.apiVersion", "rolloutPolicy.trafficRouting.routeRef.apiVersion"),
    one("spec.routeRef.name", "rolloutPolicy.trafficRouting.routeRef.name"),
    one("spec.progressDeadlineSeconds", "rolloutPolicy.rolloutTimeoutSeconds"),
    one("spec.skipAnalysis", "rolloutPolicy.skipTrafficAnalysis"),
    one("spec.revertOnDeletion", "rolloutPolicy.revertOnDeletion"),
    one("spec.suspend", "rolloutPolicy.suspend"),
    one("spec.service.name", "serviceName"),
    one("spec.service.port", "port"),
    one("spec.service.targetPort", "port"),
    one("spec.service.appProtocol", "rolloutPolicy.trafficRouting.protocol"),
    one("spec.service.apex", "rolloutPolicy.trafficRouting.protocol"),
    alike("spec.service.primary", "primary"),
    alike("spec.service.canary", "preview"),
    one("spec.service.timeout", "rolloutPolicy.trafficRouting.timeoutSeconds"),
    alike("spec.service.gateways", "rolloutPolicy.trafficRouting.gateways"),
    one("spec.service.gatewayRefs", "rolloutPolicy.trafficRouting.gateways"),
    one("spec.service.gatewayRefs[]", "rolloutPolicy.trafficRouting.gateways[]"),
    alike("spec.service.hosts", "rolloutPolicy.trafficRouting.hosts"),
    alike("spec.service.retries", "rolloutPolicy.trafficRouting.retries"),
    alike("spec.service.headers", "rolloutPolicy.trafficRouting.headers"),
    alike("spec.service.corsPolicy", "rolloutPolicy.trafficRouting.corsPolicy"),
    one("spec.service.corsPolicy.allowOrigins[]", "rolloutPolicy.trafficRouting.corsPolicy.allowOrigins[]"),
    one("spec.analysis", "rolloutPolicy.trafficAnalysis"),
    one("spec.analysis.interval", "rolloutPolicy.trafficAnalysis.checkIntervalSeconds"),
    one("spec.analysis.threshold", "rolloutPolicy.trafficAnalysis.checkFailedTimes"),
    one("spec.analysis.iterations", "rolloutPolicy.trafficRouting.analysisTimes"),
    one("spec.analysis.maxWeight", "rolloutPolicy.trafficRouting.canaryStrategy.maxWeight"),
    one("spec.analysis.stepWeight", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeight"),
    alike("spec.analysis.stepWeights", "rolloutPolicy.trafficRouting.canaryStrategy.stepWeights"),
    one(
        "spec.analysis.stepWeightPromotion",
        "rolloutPolicy.trafficRouting.canaryStrategy.stepWeightPromotion",
    ),
    one("spec.analysis.match", "rolloutPolicy.trafficRouting.match"),
    one("spec.analysis.match[]", "rolloutPolicy.trafficRouting.match[]"),
    one("spec.analysis.match[].headers", "rolloutPolicy.trafficRouting.match[].headers"),
    one("spec.analysis.match[].headers{}", "rolloutPolicy.trafficRouting.match[].headers{}"),
    one("spec.analysis.match[].queryParams", "rolloutPolicy.trafficRouting.match[].queryParams"),
    one("spec.analysis.match[].queryParams{}", "rolloutPolicy.trafficRouting.match[].queryParams{}"),
    alike("spec.analysis.match[].sourceLabels", "rolloutPolicy.trafficRouting.match[].sourceLabels"),
    one("spec.analysis.metrics", "rolloutPolicy.trafficAnalysis.metrics"),
    one("spec.analysis.metrics[]", "rolloutPolicy.trafficAnalysis.metrics[]"),
    one("spec.analysis.metrics[].name", "rolloutPolicy.trafficAnalysis.metrics[].name"),
    one("spec.analysis.metrics[].interval", "rolloutPolicy.trafficAnalysis.metrics[].intervalSeconds"),
    alike("spec.analysis.metrics[].thresholdRange", "rolloutPolicy.trafficAnalysis.metrics[].thresholdRange"),
    one("spec.analysis.metrics[].templateRef", "rolloutPolicy.trafficAnalysis.metrics[].name"),
    one("spec.analysis.webhooks", "rolloutPolicy.trafficAnalysis.webhooks"),
    one("spec.analysis.webhooks[]", "rolloutPolicy.trafficAnalysis.webhooks.command[]"),
    one("spec.analysis.webhooks[].timeout", "rolloutPolicy.trafficAnalysis.webhooks.timeoutSeconds"),
    one("spec.analysis.webhooks[].url", "testLoader"),
    alike("spec.analysis.sessionAffinity", "rolloutPolicy.trafficAnalysis.sessionAffinity"),
];

/// The first `[]` on the right is the metric that the template is made for.
const METRIC_TEMPLATE: &[Row] = &[
    one("metadata.name", "rolloutPolicy.trafficAnalysis.metrics[].name"),
    one("metadata.namespace", "workload.namespace"),
    one("spec", "rolloutPolicy.trafficAnalysis.metrics[].customMetric"),
    one("spec.query", "rolloutPolicy.trafficAnalysis.metrics[].customMetric.query"),
    alike("spec.provider", "rolloutPolicy.trafficAnalysis.metrics[].customMetric.provider"),
];

const INGRESS: &[Row] = &[
    one("metadata.name", "serviceName"),
    one("metadata.namespace", "workload.namespace"),
    one("spec", "rolloutPolicy.trafficRouting.host"),
    one("spec.rules[].http.paths[].backend.service.name", "serviceName"),
    one("spec.rules[].http.paths[].backend.service.port", "port"),
];

const LOAD_TESTER: &[Row] = &[
    one("metadata.name", "serviceName"),
    one("metadata.namespace", "workload.namespace"),
    one("spec", "testLoader"),
];

const NAMESPACE: &[Row] = &[one("metadata", "workload.namespace")];
