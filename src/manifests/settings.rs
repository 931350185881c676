//! What an operator may choose with the chart. The plain manifests have the
//! defaults: this table is where they are from.

mod schema;

use fleetgate_plan::prune::Guard;
use serde_json::{Value, json};

use self::schema::{
    address, directives, flag, items, name, named, object, object_labels, optional_name, peer, pod_labels,
    port, repository, some_text, tag, text, texts,
};
use super::{METRICS_PORT, WEBHOOK_PORT};

/// Where the images of all versions are.
pub(super) const IMAGE: &str = "ghcr.io/fleetgate/fleetgate";

/// How important the webhook's pods are.
pub(super) const WEBHOOK_PRIORITY: &str = "webhook.priorityClassName";
/// Whether the webhook's pods have the network of their nodes.
pub(super) const HOST_NETWORK: &str = "webhook.hostNetwork";
/// Where the webhook's pods are asked for reviews, and for numbers.
pub(super) const REVIEWS: &str = "webhook.port";
pub(super) const NUMBERS: &str = "webhook.metricsPort";

/// One thing to choose.
pub(super) struct Setting {
    /// Where it is among the values.
    pub(super) path: String,
    pub(super) default: Value,
    /// What it may be, as JSON Schema.
    pub(super) schema: Value,
    /// What it does.
    pub(super) about: &'static str,
}

/// The value that a setting has unless someone chooses.
pub(super) fn default(path: &str) -> Value {
    let found = all().into_iter().find(|setting| setting.path == path);
    found.map_or(Value::Null, |setting| setting.default)
}

/// All of them, in the order in which they are told.
pub(super) fn all() -> Vec<Setting> {
    let mut all = of_image();
    all.extend(of_installation());
    all.extend(of_webhook());
    all.extend(of_controller());
    all.extend(of_surroundings());
    all
}

fn of_image() -> Vec<Setting> {
    vec![
        setting(
            "image.repository",
            json!(IMAGE),
            repository(),
            "Where the image is; a mirror of your own, for instance.",
        ),
        setting("image.tag", json!(""), tag(), "The version; the chart's own unless you say otherwise."),
        setting(
            "image.digest",
            json!(""),
            json!({"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}),
            "The very image, as sha256:…; it counts more than the tag.",
        ),
        setting(
            "image.pullPolicy",
            json!("IfNotPresent"),
            json!({"enum": ["Always", "IfNotPresent", "Never"]}),
            "When it is fetched.",
        ),
        setting(
            "imagePullSecrets",
            json!([]),
            items(named(name())),
            "Secrets of a registry that asks for a password, as - name: NAME.",
        ),
    ]
}

/// What both roles have to agree on.
fn of_installation() -> Vec<Setting> {
    let guard = Guard::default();
    vec![
        setting(
            "bindAddress",
            json!("0.0.0.0"),
            address(),
            "Where the ports are opened; \"[::]\" where there is IPv6 alone.",
        ),
        setting("log.level", json!("info"), directives(), "A level, or directives such as info,kube=debug."),
        setting(
            "log.format",
            json!("text"),
            json!({"enum": ["text", "json"]}),
            "For people, or for machines.",
        ),
        setting(
            "tenancy.noCrossNamespaceRefs",
            json!(false),
            flag(),
            "Refuse references out of an Application's namespace.",
        ),
        setting("tenancy.noHostDestination", json!(false), flag(), "Refuse policies without a destination."),
        setting(
            "tenancy.defaultServiceAccount",
            json!(""),
            optional_name(),
            "The ServiceAccount that Flux acts as where a policy names none.",
        ),
        setting(
            "pruneGuard.clusters",
            json!(guard.clusters),
            json!({"type": "integer", "minimum": 0}),
            "A policy on at least so many clusters may not lose most of them because a label, a Fleet or a cluster changed.",
        ),
        setting(
            "pruneGuard.percent",
            json!(guard.percent),
            json!({"type": "integer", "minimum": 0, "maximum": 100}),
            "More than so many of a hundred are most of them.",
        ),
    ]
}

fn of_webhook() -> Vec<Setting> {
    let mut settings = of_role("webhook", ["64Mi", "256Mi"], "50m");
    settings.extend([
        setting(
            WEBHOOK_PRIORITY,
            json!("system-cluster-critical"),
            optional_name(),
            "Without the webhook nobody can create or change what is delivered: its pods are placed before others' are.",
        ),
        setting(
            HOST_NETWORK,
            json!(false),
            flag(),
            "On their nodes' network, for API servers that reach no pods (docs/install.md); the namespace has to admit that, and there has to be a node for each.",
        ),
        setting(
            REVIEWS,
            json!(WEBHOOK_PORT),
            port(),
            "Where reviews are asked for, by way of the Service; on the nodes' network it has to be free there.",
        ),
        setting(NUMBERS, json!(METRICS_PORT), port(), "Where the metrics are, and where kubelets ask; likewise."),
        setting(
            "webhook.certificateSecret",
            json!(""),
            optional_name(),
            "A Secret with tls.crt and tls.key that someone else keeps up to date, such as cert-manager. Without it the webhook makes its own certificate.",
        ),
        setting(
            "webhook.caBundle",
            json!(""),
            json!({"type": "string", "pattern": "^[A-Za-z0-9+/=]*$"}),
            "Who signed that certificate, in PEM and then base64, unless an annotation has it injected.",
        ),
        setting(
            "webhook.annotations",
            json!({}),
            texts(),
            "Annotations of the webhook configurations, such as cert-manager.io/inject-ca-from: NAMESPACE/CERTIFICATE.",
        ),
    ]);
    settings
}

fn of_controller() -> Vec<Setting> {
    let mut settings = of_role("controller", ["96Mi", "512Mi"], "100m");
    settings.push(setting(
        "controller.priorityClassName",
        json!(""),
        optional_name(),
        "What was delivered runs without the controller: its pods displace no others.",
    ));
    settings
}

fn of_role(role: &str, memory: [&str; 2], cpu: &str) -> Vec<Setting> {
    let [asked, limit] = memory;
    let resources = json!({"requests": {"cpu": cpu, "memory": asked}, "limits": {"memory": limit}});
    let of = |name: &str, default: Value, schema: Value, about| {
        setting(&format!("{role}.{name}"), default, schema, about)
    };
    vec![
        of("replicas", json!(2), json!({"type": "integer", "minimum": 1}), "How many pods."),
        of(
            "resources",
            resources,
            object(),
            "No limit of CPU: who is throttled answers late, and late is a refusal.",
        ),
        of(
            "nodeSelector",
            json!({"kubernetes.io/os": "linux"}),
            texts(),
            "The nodes on which they may run; the image is for Linux.",
        ),
        of("tolerations", json!([]), items(object()), "Taints of nodes on which they run all the same."),
        of(
            "affinity",
            json!({}),
            object(),
            "Where they would rather run; they are spread over zones and nodes without it.",
        ),
        of(
            "podLabels",
            json!({}),
            pod_labels(),
            "More labels of the pods, beside those by which they are found.",
        ),
        of("podAnnotations", json!({}), texts(), "Annotations of the pods."),
        of("extraArgs", json!([]), items(text()), "More flags of the program."),
        of(
            "extraEnv",
            json!([]),
            items(named(some_text())),
            "More variables of the program, as in a container.",
        ),
    ]
}

fn of_surroundings() -> Vec<Setting> {
    vec![
        setting("networkPolicy.enabled", json!(true), flag(), "Who may talk to whom."),
        setting(
            "networkPolicy.webhookFrom",
            json!([]),
            items(peer()),
            "Who may ask for reviews, as in a NetworkPolicy: your API servers' addresses, such as - ipBlock: {cidr: 10.0.0.0/28}. Anyone unless you say so.",
        ),
        setting(
            "networkPolicy.metricsFrom",
            json!([]),
            items(peer()),
            "Who may fetch the metrics and ask whether the pods are alive: your Prometheus, and the nodes, whose kubelets ask. Anyone unless you say so.",
        ),
        setting(
            "podDisruptionBudget.enabled",
            json!(true),
            flag(),
            "Drains of nodes take one replica at a time.",
        ),
        setting(
            "resourceQuota.enabled",
            json!(true),
            flag(),
            "Some platforms admit pods of a system priority only where a quota speaks of them.",
        ),
        setting(
            "serviceMonitor.enabled",
            json!(false),
            flag(),
            "Have the Prometheus operator fetch the metrics.",
        ),
        setting("serviceMonitor.interval", json!("30s"), text(), "How often."),
        setting(
            "serviceMonitor.labels",
            json!({}),
            object_labels(),
            "The labels by which your Prometheus finds it.",
        ),
        setting("prometheusRule.enabled", json!(false), flag(), "Give the Prometheus operator the alerts."),
        setting(
            "prometheusRule.labels",
            json!({}),
            object_labels(),
            "The labels by which your Prometheus finds them.",
        ),
        setting(
            "prometheusRule.certificateDays",
            json!(14),
            json!({"type": "number", "exclusiveMinimum": 0}),
            "So many days before it expires a certificate is one to tell of: fewer than the renewal takes place before.",
        ),
        setting(
            "crds.install",
            json!(true),
            flag(),
            "Install and upgrade the CRDs. They stay when the release is uninstalled: without them every Application would go.",
        ),
    ]
}

fn setting(path: &str, default: Value, schema: Value, about: &'static str) -> Setting {
    Setting { path: path.to_owned(), default, schema, about }
}

#[cfg(test)]
mod tests;
