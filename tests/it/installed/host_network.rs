//! The webhook on the network of its nodes, for API servers that reach no pods.

use serde_json::json;

use super::chart::rendered;
use super::*;

const VALUES: &str = "webhook.hostNetwork=true,webhook.port=10443,webhook.metricsPort=10444";

#[tokio::test]
async fn its_ports_are_those_of_the_values_wherever_they_are_spoken_of() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let rendered = rendered(&helm, "gate", &["--set", VALUES]).expect("it renders");
    let webhook = "Deployment/gate/fleetgate-webhook";
    let controller = "Deployment/gate/fleetgate-controller";
    let pod = "/spec/template/spec";
    let container = "/spec/template/spec/containers/0";
    let missing = "/spec/strategy/rollingUpdate/maxUnavailable";
    let table = [
        (webhook, format!("{pod}/hostNetwork"), json!(true)),
        (webhook, format!("{pod}/dnsPolicy"), json!("ClusterFirstWithHostNet")),
        (webhook, missing.to_owned(), json!(1)),
        (webhook, format!("{container}/args/1"), json!("--bind=0.0.0.0:10443")),
        (webhook, format!("{container}/args/2"), json!("--metrics-bind=0.0.0.0:10444")),
        (webhook, format!("{container}/ports/0/containerPort"), json!(10443)),
        (webhook, format!("{container}/ports/1/containerPort"), json!(10444)),
        // The Service finds them by their names, and stays where it is.
        ("Service/gate/fleetgate-webhook", "/spec/ports/0/targetPort".to_owned(), json!("webhook")),
        ("Service/gate/fleetgate-webhook", "/spec/ports/0/port".to_owned(), json!(443)),
        ("NetworkPolicy/gate/fleetgate-webhook", "/spec/ingress/0/ports/0/port".to_owned(), json!(10443)),
        ("NetworkPolicy/gate/fleetgate-webhook", "/spec/ingress/1/ports/0/port".to_owned(), json!(10444)),
        // The other role has nothing to do with it.
        (controller, format!("{pod}/hostNetwork"), Value::Null),
        (controller, format!("{pod}/dnsPolicy"), Value::Null),
        (controller, missing.to_owned(), json!(0)),
        (controller, format!("{container}/args/1"), json!("--metrics-bind=0.0.0.0:8080")),
        ("NetworkPolicy/gate/fleetgate-controller", "/spec/ingress/0/ports/0/port".to_owned(), json!(8080)),
    ];
    for (object, pointer, expected) in table {
        let found = rendered[object].pointer(&pointer).unwrap_or(&Value::Null);
        assert_eq!(found, &expected, "{object}{pointer}");
    }
}

#[tokio::test]
async fn its_pods_come_once_the_namespace_admits_them() {
    let (sandbox, _turn) = bare().await;
    let helm = sandbox.helm().expect("helm");
    let chart = file("manifests/chart").display().to_string();
    kubectl(sandbox, &["create", "namespace", "gate-host"]).await;
    let label = async |level: &str| {
        let level = format!("pod-security.kubernetes.io/enforce={level}");
        kubectl(sandbox, &["label", "namespace", "gate-host", &level, "--overwrite"]).await;
    };
    label("baseline").await;

    let install = ["install", "fleetgate", &chart, "--namespace", "gate-host", "--set", VALUES];
    let told = helm.run(&install).expect("it installs");
    assert!(told.contains("the namespace has to admit that"), "{told}");
    let refused = until("the pods to be refused", PATIENCE, async || {
        let events = kubectl(sandbox, &["get", "events", "--namespace", "gate-host"]).await.stdout;
        let is_said = events.contains("violates PodSecurity") && events.contains("hostNetwork=true");
        Ok(if is_said { Probe::Done(()) } else { Probe::NotYet(events) })
    });
    refused.await.expect("the guide says so");

    label("privileged").await;
    pods_are_admitted(sandbox, "gate-host", 2).await;
    let ports = "--output=jsonpath={.items[*].spec.containers[0].ports[*].hostPort}";
    let selector = ["--selector", "app.kubernetes.io/component=webhook"];
    let pods = [&["get", "pods", "--namespace", "gate-host", ports], &selector[..]].concat();
    let ports = kubectl(sandbox, &pods).await.stdout;
    assert_eq!(ports, "10443 10444 10443 10444", "by these a node takes one of them");

    helm.run(&["uninstall", "fleetgate", "--namespace", "gate-host"]).expect("it goes");
    kubectl(sandbox, &["delete", "namespace", "gate-host"]).await;
}
