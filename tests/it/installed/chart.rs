//! The Helm chart: the same installation, chosen by values.

use fleetgate_sandbox::Helm;
use serde_json::json;

use super::*;

pub(super) const NAMESPACE: &str = "fleetgate-system";

/// What the chart renders, with more arguments.
pub(super) fn rendered(
    helm: &Helm,
    namespace: &str,
    more: &[&str],
) -> anyhow::Result<BTreeMap<String, Value>> {
    let chart = file("manifests/chart").display().to_string();
    // Without a cluster helm takes one that is too old for granted.
    let arguments = ["template", "fleetgate", &chart, "--namespace", namespace, "--kube-version", "1.36.0"];
    Ok(objects(&helm.run(&[&arguments, more].concat())?))
}

#[tokio::test]
async fn with_its_own_values_the_chart_is_what_one_file_installs() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let chart = file("manifests/chart").display().to_string();
    helm.run(&["lint", "--strict", "--kube-version", "1.36.0", &chart]).expect("nothing is wrong with it");

    let mut chart = rendered(&helm, NAMESPACE, &[]).expect("it renders");
    for crd in chart.values_mut().filter(|object| object["kind"] == "CustomResourceDefinition") {
        let annotations = crd["metadata"].as_object_mut().expect("metadata").remove("annotations");
        assert_eq!(annotations, Some(json!({"helm.sh/resource-policy": "keep"})));
    }
    let mut expected = objects(&install_yaml());
    // The namespace is the release's, and there before it.
    assert!(expected.remove("Namespace//fleetgate-system").is_some());
    same(&chart, &expected);
}

/// Expects of the values that they come to a field of an object.
fn come_to(helm: &Helm, values: &[&str], object: &str, pointer: &str, expected: &Value) {
    let sets: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
    let rendered = rendered(helm, "gate", &sets).unwrap_or_else(|error| panic!("{values:?}: {error}"));
    let found = rendered.get(object).and_then(|object| object.pointer(pointer));
    assert_eq!(found.unwrap_or(&Value::Null), expected, "{values:?}");
}

#[tokio::test]
async fn every_value_comes_to_where_it_counts() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = format!("image.digest={digest}");
    let webhook = "Deployment/gate/fleetgate-webhook";
    let controller = "Deployment/gate/fleetgate-controller";
    let pod = "/spec/template/spec";
    let container = "/spec/template/spec/containers/0";
    let certified = ["webhook.certificateSecret=tls", "webhook.caBundle=Q0E=", "webhook.annotations.a=b"];
    let configuration = "MutatingWebhookConfiguration//fleetgate";
    let alerts = "PrometheusRule/gate/fleetgate";
    let table: [(&[&str], &str, String, Value); 22] = [
        (&["webhook.replicas=3"], webhook, "/spec/replicas".to_owned(), json!(3)),
        (&["image.tag=v2"], webhook, format!("{container}/image"), json!("ghcr.io/fleetgate/fleetgate:v2")),
        (
            &["image.repository=localhost:5000/gate", &image],
            webhook,
            format!("{container}/image"),
            json!(format!("localhost:5000/gate@{digest}")),
        ),
        (&["imagePullSecrets[0].name=a"], webhook, format!("{pod}/imagePullSecrets"), json!([{"name": "a"}])),
        (
            &["webhook.nodeSelector.a=b"],
            webhook,
            format!("{pod}/nodeSelector"),
            json!({"a": "b", "kubernetes.io/os": "linux"}),
        ),
        (&["webhook.tolerations[0].key=a"], webhook, format!("{pod}/tolerations"), json!([{"key": "a"}])),
        (&["webhook.podLabels.a=b"], webhook, "/spec/template/metadata/labels/a".to_owned(), json!("b")),
        (&["webhook.priorityClassName="], webhook, format!("{pod}/priorityClassName"), Value::Null),
        (&["controller.priorityClassName=a"], controller, format!("{pod}/priorityClassName"), json!("a")),
        (
            &["webhook.priorityClassName=a"],
            "ResourceQuota/gate/fleetgate-critical-pods",
            "/spec/scopeSelector/matchExpressions/0/values".to_owned(),
            json!(["a"]),
        ),
        (
            &["prometheusRule.enabled=true", "prometheusRule.certificateDays=3"],
            alerts,
            "/spec/groups/1/rules/1/expr".to_owned(),
            json!(
                "min by (namespace, pod) (fleetgate_certificate_expiry_timestamp_seconds) - time() < 3 * 86400"
            ),
        ),
        (&["webhook.extraArgs[0]=--a"], webhook, format!("{container}/args/3"), json!("--a")),
        (&["bindAddress=[::]"], webhook, format!("{container}/args/1"), json!("--bind=[::]:9443")),
        (
            &["tenancy.defaultServiceAccount=a"],
            webhook,
            format!("{container}/env/6"),
            json!({"name": "FLEETGATE_DEFAULT_SERVICE_ACCOUNT", "value": "a"}),
        ),
        (
            &["pruneGuard.percent=7"],
            webhook,
            format!("{container}/env/3"),
            json!({"name": "FLEETGATE_PRUNE_GUARD_PERCENT", "value": "7"}),
        ),
        (&certified, webhook, format!("{container}/args/2"), json!("--cert-dir=/certificate")),
        (
            &certified,
            webhook,
            format!("{pod}/volumes"),
            json!([{"name": "certificate", "secret": {"secretName": "tls"}}]),
        ),
        (&certified, configuration, "/webhooks/0/clientConfig/caBundle".to_owned(), json!("Q0E=")),
        (&certified, configuration, "/metadata/annotations".to_owned(), json!({"a": "b"})),
        (
            &["serviceMonitor.enabled=true", "serviceMonitor.labels.a=b"],
            "ServiceMonitor/gate/fleetgate",
            "/metadata/labels/a".to_owned(),
            json!("b"),
        ),
        (
            &["prometheusRule.enabled=true", "prometheusRule.labels.a=b"],
            alerts,
            "/metadata/labels/a".to_owned(),
            json!("b"),
        ),
        // What Prometheus puts in place, Helm leaves alone.
        (
            &["prometheusRule.enabled=true"],
            alerts,
            "/spec/groups/0/rules/2/annotations/description".to_owned(),
            json!(
                "Requests are refused because the API server does not reach {{ $labels.name }}, does not trust its certificate, or waits too long for it."
            ),
        ),
    ];
    for (values, object, pointer, expected) in table {
        come_to(&helm, values, object, &pointer, &expected);
    }

    let all = rendered(&helm, "gate", &[]).expect("it renders");
    assert!(all.values().all(|object| !object.to_string().contains(NAMESPACE)), "it is installed elsewhere");
    let without =
        ["networkPolicy.enabled", "podDisruptionBudget.enabled", "resourceQuota.enabled", "crds.install"];
    let sets: Vec<String> = without.iter().map(|path| format!("--set={path}=false")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let left = rendered(&helm, "gate", &sets).expect("it renders");
    assert_eq!(all.len() - left.len(), 2 + 2 + 1 + 3);
}

#[tokio::test]
async fn who_may_come_is_anyone_or_who_the_values_say() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let table: [(&[&str], &str, &str, Value); 4] = [
        (
            &["networkPolicy.webhookFrom[0].ipBlock.cidr=10.0.0.0/28"],
            "NetworkPolicy/gate/fleetgate-webhook",
            "/spec/ingress",
            json!([
                {"from": [{"ipBlock": {"cidr": "10.0.0.0/28"}}], "ports": [{"port": 9443, "protocol": "TCP"}]},
                {"ports": [{"port": 8080, "protocol": "TCP"}]},
            ]),
        ),
        (
            &["networkPolicy.webhookFrom[0].ipBlock.cidr=10.0.0.0/28"],
            "NetworkPolicy/gate/fleetgate-controller",
            "/spec/ingress",
            json!([{"ports": [{"port": 8080, "protocol": "TCP"}]}]),
        ),
        (
            &["networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.a=b"],
            "NetworkPolicy/gate/fleetgate-webhook",
            "/spec/ingress/1/from",
            json!([{"namespaceSelector": {"matchLabels": {"a": "b"}}}]),
        ),
        (
            &["networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.a=b"],
            "NetworkPolicy/gate/fleetgate-controller",
            "/spec/ingress/0/from",
            json!([{"namespaceSelector": {"matchLabels": {"a": "b"}}}]),
        ),
    ];
    for (values, object, pointer, expected) in table {
        come_to(&helm, values, object, pointer, &expected);
    }
}

#[tokio::test]
async fn helm_installs_upgrades_and_leaves_the_kinds_where_they_are() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let chart = file("manifests/chart").display().to_string();
    kubectl(sandbox, &["create", "namespace", "gate"]).await;
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    kubectl(sandbox, &["label", "namespace", "gate", restricted]).await;

    let told = helm.run(&["install", "fleetgate", &chart, "--namespace", "gate"]).expect("it installs");
    assert!(told.contains("kubectl rollout status --namespace gate"), "{told}");
    pods_are_admitted(sandbox, "gate", 2).await;

    // As the webhook does it.
    let injected = r#"[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "Q0E="}]"#;
    let configuration = ["mutatingwebhookconfiguration", "fleetgate"];
    kubectl(sandbox, &[&["patch"], &configuration[..], &["--type=json", "--patch", injected]].concat()).await;
    let more = ["--set", "webhook.replicas=3,controller.replicas=3"];
    helm.run(&[&["upgrade", "fleetgate", &chart, "--namespace", "gate"], &more[..]].concat())
        .expect("it upgrades");
    pods_are_admitted(sandbox, "gate", 3).await;
    let bundle = ["--output", "jsonpath={.webhooks[0].clientConfig.caBundle}"];
    let kept = kubectl(sandbox, &[&["get"], &configuration[..], &bundle].concat()).await;
    assert_eq!(kept.stdout, "Q0E=", "an upgrade leaves what was injected");

    helm.run(&["uninstall", "fleetgate", "--namespace", "gate", "--wait"]).expect("it goes");
    let label = ["--selector", "app.kubernetes.io/name=fleetgate", "--output", "name"];
    let kinds = "all,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets,resourcequotas,\
                 clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations";
    let left = until("the pods to go", PATIENCE, async || {
        let left = kubectl(sandbox, &[&["get", kinds, "--all-namespaces"], &label[..]].concat()).await.stdout;
        Ok(if left.is_empty() { Probe::Done(()) } else { Probe::NotYet(left) })
    });
    left.await.expect("nothing else is left");
    let crds = file("manifests/crds").display().to_string();
    kubectl(sandbox, &["get", "--filename", &crds]).await;

    // The next one takes them up.
    helm.run(&["install", "fleetgate", &chart, "--namespace", "gate"]).expect("it installs again");
    helm.run(&["uninstall", "fleetgate", "--namespace", "gate"]).expect("it goes again");
    kubectl(sandbox, &["delete", "namespace", "gate"]).await;
}
