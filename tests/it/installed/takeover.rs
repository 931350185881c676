//! What `docs/takeover.md` has stop of Kurator's is run here: whose gate goes with it, or nothing could be changed any more.

use serde_json::json;

use super::*;

/// The commands of the block that speaks of a Deployment, each without `kubectl`.
fn commands(deployment: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(file("docs/takeover.md")).expect("the page");
    let begin = format!("kubectl scale deployment {deployment} ");
    let mut blocks = page.split("```sh\n").filter_map(|rest| Some(rest.split_once("```")?.0.trim()));
    let block = blocks.find(|block| block.starts_with(&begin)).expect("the block").replace("\\\n", "");
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect();
    block.lines().map(words).collect()
}

/// A configuration of Kurator's, at whose Service nobody answers.
fn gate(kind: &str, name: &str, webhook: &str, group: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "webhooks": [{
            "name": webhook,
            "admissionReviewVersions": ["v1", "v1beta1"],
            "clientConfig": {"service": {"name": "kurator", "namespace": "kurator-system", "path": "/"}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "rules": [{
                "apiGroups": [group], "apiVersions": ["v1alpha1"], "resources": [plural],
                "operations": ["CREATE", "UPDATE"],
            }],
        }],
    })
}

fn deployment(name: &str) -> Value {
    let pod =
        json!({"metadata": {"labels": {"a": name}}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "kurator-system"},
        "spec": {"selector": {"matchLabels": {"a": name}}, "template": pod},
    })
}

/// Waits until the API server says this of a new object; of nothing, until it takes it.
async fn answers(sandbox: &Sandbox, object: &str, said: Option<&str>) {
    let answered = until("the gate to be asked, or not", PATIENCE, async || {
        let answer = sandbox.kubectl().run_with(&["create", "--dry-run=server", "-f", "-"], object).await?;
        let is_so = said.map_or(answer.success(), |said| answer.stderr.contains(said));
        Ok(if is_so { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    answered.await.expect("it is asked, or not");
}

#[tokio::test]
async fn what_stops_of_kurator_takes_its_gate_along() {
    let (sandbox, _turn) = bare().await;
    let crds = file("manifests/crds").display().to_string();
    kubectl(sandbox, &["apply", "--server-side", "--filename", &crds]).await;
    kubectl(sandbox, &["wait", "--for=condition=Established", "--filename", &crds]).await;
    kubectl(sandbox, &["create", "namespace", "kurator-system"]).await;
    let application = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "installed-takeover", "namespace": "default"},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/a", "interval": "5m"}},
            "syncPolicies": [{"kustomization": {"interval": "5m", "path": "./", "prune": true}}],
        },
    });
    let (apps, clusters) = ("apps.kurator.dev", "cluster.kurator.dev");
    let [mutating, validating] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
    let mutation = "mutation.application.apps.kurator.dev";
    let validation = "validation.application.apps.kurator.dev";
    let of_clusters = "validation.attachedcluster.cluster.kurator.dev";
    let of_controller = "fleet-manager-mutating-webhook-configuration";
    let stored = [
        deployment("kurator-fleet-manager"),
        deployment("kurator-cluster-operator"),
        gate(mutating, of_controller, mutation, apps, "applications"),
        gate(validating, "fleet-manager-validating-webhook-configuration", validation, apps, "applications"),
        gate(
            validating,
            "cluster-operator-validating-webhook-configuration",
            of_clusters,
            clusters,
            "attachedclusters",
        ),
    ];
    for object in &stored {
        assert!(apply(sandbox, &object.to_string()).await.success(), "{object}");
    }

    let table = [
        ("kurator-fleet-manager", application.to_string(), mutation),
        ("kurator-cluster-operator", cluster("installed-takeover"), of_clusters),
    ];
    for (deployment, object, webhook) in table {
        answers(sandbox, &object, Some(&format!("failed calling webhook \"{webhook}\""))).await;
        for command in commands(deployment) {
            kubectl(sandbox, &command.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
        answers(sandbox, &object, None).await;
        let of = ["get", "deployment", deployment, "--namespace", "kurator-system"];
        let replicas = [&of[..], &["--output", "jsonpath={.spec.replicas}"]].concat();
        assert_eq!(kubectl(sandbox, &replicas).await.stdout, "0", "{deployment}");
    }
    kubectl(sandbox, &["delete", "namespace", "kurator-system"]).await;
}
