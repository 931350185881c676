//! What a rollout becomes: the objects that stand in each cluster.

use serde_json::{Value, json};

use crate::support::{FLEET, documents, folder, render};

const LEFT_OUT: &str = "note: Application default/shop: spec.syncPolicies[0].rollout: the rollout is rendered, \
                    and not delivered yet: the policy is delivered without it\n";

/// An Application with one policy, and a rollout of its own load tester, Ingress and metric.
fn application(destination: &str, provider: &str) -> String {
    format!(
        r#"apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {{name: shop}}
spec:
  source: {{gitRepository: {{url: https://github.com/o/r, interval: 5m}}}}
  syncPolicies:
  - name: web
    {destination}
    kustomization: {{interval: 5m, prune: true}}
    rollout:
      testLoader: true
      trafficRoutingProvider: {provider}
      workload: {{apiVersion: apps/v1, kind: Deployment, name: web, namespace: shop}}
      serviceName: web
      port: 80
      rolloutPolicy:
        trafficRouting: {{host: shop.example.com, canaryStrategy: {{stepWeight: 10, maxWeight: 50}}}}
        trafficAnalysis:
          checkIntervalSeconds: 90
          checkFailedTimes: 2
          metrics:
          - name: errors
            intervalSeconds: 60
            thresholdRange: {{max: 1}}
            customMetric: {{provider: {{type: prometheus, address: "http://prometheus:9090"}}, query: "sum(errors)"}}
          webhooks: {{timeoutSeconds: 30, command: ["hey http://shop.example.com/"]}}
"#
    )
}

/// Comment, kind, namespace and name of each object.
fn heads(documents: &[(String, Value)]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let head = |(comment, object): &(String, Value)| {
        let of = &object["metadata"];
        format!("{comment} {} {} {}", text(&object["kind"]), text(&of["namespace"]), text(&of["name"]))
    };
    documents.iter().map(head).collect()
}

#[test]
fn a_rollout_is_printed_cluster_by_cluster() {
    let folder = folder(&[
        ("app.yaml", &application("destination: {fleet: quickstart}", "nginx")),
        ("fleet.yaml", FLEET),
    ]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "fleet.yaml"]);
    assert_eq!((code, notes.as_str()), (Some(0), LEFT_OUT), "{text}");
    let documents = documents(&text);
    let policy = "# Application default/shop, policy web,";
    let mut expected = vec![
        "# Application default/shop, source GitRepository default shop".to_owned(),
        format!("{policy} AttachedCluster/m1 Kustomization default web-attachedcluster-m1"),
        format!("{policy} AttachedCluster/m2 Kustomization default web-attachedcluster-m2"),
    ];
    for cluster in ["m1", "m2"] {
        let member = [
            "Deployment shop web-testloader",
            "Service shop web-testloader",
            "Ingress shop web-nginx",
            "MetricTemplate shop errors",
            "Canary shop web",
        ];
        let stands = format!("{policy} rollout: stands in AttachedCluster/{cluster}");
        expected.extend(member.map(|object| format!("{stands} {object}")));
    }
    assert_eq!(heads(&documents), expected);
    let canary = &documents[7].1;
    assert_eq!(canary["apiVersion"], "flagger.app/v1beta1");
    assert_eq!(
        canary["metadata"],
        json!({
            "name": "web", "namespace": "shop", "labels": {"apps.kurator.dev/app-name": "shop"},
            "annotations": {"fleetgate.dev/application": "default/shop", "kurator.dev/rollout": "web"},
        })
    );
    assert_eq!(canary["spec"]["analysis"]["stepWeight"], 10);
    assert_eq!(&documents[12].1, canary, "nothing of it depends on the cluster");
    let again = render(folder.path(), &["-f", "app.yaml", "fleet.yaml"]);
    assert_eq!(again.1, text, "the same files give the same output");
}

#[test]
fn on_the_host_it_stands_beside_fluxs_objects() {
    let folder = folder(&[("app.yaml", &application("", "istio").replace("host: shop.example.com, ", ""))]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml"]);
    assert_eq!((code, notes.as_str()), (Some(0), LEFT_OUT), "{text}");
    let stands = "# Application default/shop, policy web, rollout: stands on the host";
    assert_eq!(
        heads(&documents(&text)),
        [
            "# Application default/shop, source GitRepository default shop".to_owned(),
            "# Application default/shop, policy web, the host Kustomization default web-currentcluster-host"
                .to_owned(),
            format!("{stands} Namespace  shop"),
            format!("{stands} Deployment shop web-testloader"),
            format!("{stands} Service shop web-testloader"),
            format!("{stands} MetricTemplate shop errors"),
            format!("{stands} Canary shop web"),
        ]
    );
}

/// A cluster without a kubeconfig cannot be written to, and one that is not among the files is not known.
#[test]
fn a_cluster_out_of_reach_gets_nothing() {
    let out_of_reach = FLEET.replace("spec: {kubeconfig: {name: m1}}", "spec: {}");
    let folder = folder(&[
        ("app.yaml", &application("destination: {fleet: quickstart}", "nginx")),
        ("fleet.yaml", &out_of_reach),
    ]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "--catalog", "fleet.yaml"]);
    assert_eq!(code, Some(0), "{notes}");
    assert!(!text.contains("m1") && text.contains("stands in AttachedCluster/m2"), "{text}");
    let held =
        format!("{LEFT_OUT}note: Application default/shop: cluster \"m1\" names no kubeconfig Secret\n");
    assert_eq!(notes, held);
}

#[test]
fn the_address_of_the_fleets_load_tester_is_not_known() {
    let fleet = FLEET.replace(
        "\nspec:\n  clusters",
        "\nspec:\n  plugin: {flagger: {trafficRoutingProvider: nginx, publicTestloader: true}}\n  clusters",
    );
    let shared = application("destination: {fleet: quickstart}", "nginx")
        .replace("testLoader: true", "testLoader: false");
    let folder = folder(&[("app.yaml", &shared), ("fleet.yaml", &fleet), ("none.yaml", FLEET)]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "fleet.yaml"]);
    let unknown = "note: Application default/shop: spec.syncPolicies[0].rollout: the address of the fleet's load tester \
                   is not known here: that of \"web-testloader\" is rendered\n";
    assert_eq!((code, notes.as_str()), (Some(0), format!("{LEFT_OUT}{unknown}").as_str()));
    assert!(!text.contains("kind: Deployment\nmetadata"), "{text}");
    assert_eq!(render(folder.path(), &["-f", "app.yaml", "none.yaml"]).2, LEFT_OUT, "that fleet has none");
}
