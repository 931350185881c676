//! Fields that Fleetgate hands on to Flux, and what Flux makes of them in a member.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::PostParams;

use super::*;

pub(super) const GIT: &str =
    "gitRepository: {url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {branch: master}}";

/// What `encrypted/` of the sandbox's repository is encrypted for, by a key that is for this test alone.
const AGE_KEY: &str = "AGE-SECRET-KEY-1Q2HMT6N88KLG0JY3X2CQ95JELFEPLZZ2V407MZHQ0295XMJQ9V6QF8P9ZS";

/// A namespace of the test's own on the host and in the members, with the first member as env=test.
async fn prepared(name: &str) -> &'static Sandbox {
    let sandbox = delivery();
    namespace(sandbox, name).await;
    member_namespace(sandbox, name).await;
    label(sandbox, name, "kurator-member1", "env=test").await;
    sandbox
}

/// An Application `shop` with these policies, to the first member.
pub(super) fn shop(namespace: &str, source: &str, policies: &str) -> String {
    format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: {namespace}}}\nspec:\n  \
         source: {{{source}}}\n  destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{env: test}}}}}}\n  syncPolicies:\n{policies}"
    )
}

/// The policy `web`: a kustomization with these fields.
pub(super) fn kustomization(namespace: &str, fields: &str) -> String {
    format!(
        "  - name: web\n    kustomization: {{interval: 5m, retryInterval: 1s, prune: true, targetNamespace: {namespace}, {fields}}}\n"
    )
}

pub(super) async fn applied(sandbox: &Sandbox, manifest: &str) {
    let answer = apply(sandbox, manifest).await;
    assert!(answer.success(), "{}", answer.stderr);
}

async fn taken_away(sandbox: &Sandbox, namespace: &str) {
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", namespace, "--timeout=60s"]).await;
    gone(sandbox, namespace).await;
    deployments(member(sandbox), namespace, &[]).await;
}

/// The member with env=test.
fn member(sandbox: &Sandbox) -> Client {
    sandbox.member_client(0).expect("a member")
}

async fn flux_object(sandbox: &Sandbox, namespace: &str, object: &str) -> Value {
    let answer = kubectl(sandbox, &["get", object, "--namespace", namespace, "--output", "json"]).await;
    serde_json::from_str(&answer.stdout).expect("JSON")
}

/// Gives a ServiceAccount all rights in its own namespace of a cluster.
pub(super) async fn give_all_rights(cluster: Client, namespace: &str, account: &str) {
    let rights = serde_json::json!({
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    });
    let rights: RoleBinding = serde_json::from_value(rights).expect("a RoleBinding");
    let bindings: Api<RoleBinding> = Api::namespaced(cluster, namespace);
    bindings.create(&PostParams::default(), &rights).await.expect("the rights are given");
}

/// In the member, Flux is the service account and no more.
#[tokio::test]
async fn impersonation_is_held_to_its_rights() {
    let sandbox = prepared("impersonated").await;
    // Without one of that name on the host, too, Flux would not prune in the member.
    kubectl(sandbox, &["create", "serviceaccount", "deployer", "--namespace", "impersonated"]).await;
    let inside = kustomization("impersonated", "serviceAccountName: deployer, path: ./kustomize");
    applied(sandbox, &shop("impersonated", GIT, &inside)).await;
    let seen = becomes(sandbox, "impersonated", "shop", "False DeliveryFailed 0/1").await;
    let refused = "\"system:serviceaccount:impersonated:deployer\" cannot";
    assert!(ready(&seen).contains(refused), "{}", ready(&seen));

    give_all_rights(member(sandbox), "impersonated", "deployer").await;
    becomes(sandbox, "impersonated", "shop", "True Succeeded 1/1").await;
    deployments(member(sandbox), "impersonated", &["podinfo"]).await;

    // The rights end at their namespace.
    let outside = inside.replace("targetNamespace: impersonated", "targetNamespace: default");
    applied(sandbox, &shop("impersonated", GIT, &outside)).await;
    let seen = becomes(sandbox, "impersonated", "shop", "False DeliveryFailed 0/1").await;
    assert!(ready(&seen).contains(refused), "{}", ready(&seen));
    taken_away(sandbox, "impersonated").await;
}

#[tokio::test]
async fn wait_and_health_checks() {
    let sandbox = prepared("healthy").await;
    let check = |name: &str, timeout: &str| {
        let checks = format!("[{{apiVersion: apps/v1, kind: Deployment, name: {name}, namespace: healthy}}]");
        let policy = kustomization(
            "healthy",
            &format!("path: ./kustomize, timeout: {timeout}, healthChecks: {checks}"),
        );
        // Each further try takes the failure back for as long as it lasts.
        policy.replace("retryInterval: 1s", "retryInterval: 5m")
    };
    applied(sandbox, &shop("healthy", GIT, &check("missing", "3s"))).await;
    let seen = becomes(sandbox, "healthy", "shop", "False DeliveryFailed 0/1").await;
    assert!(ready(&seen).contains("Deployment/healthy/missing"), "{}", ready(&seen));
    applied(sandbox, &shop("healthy", GIT, &check("podinfo", "1m"))).await;
    becomes(sandbox, "healthy", "shop", "True Succeeded 1/1").await;

    let wait = kustomization("healthy", "path: ./kustomize, timeout: 1m, wait: true");
    applied(sandbox, &shop("healthy", GIT, &wait)).await;
    becomes(sandbox, "healthy", "shop", "True Succeeded 1/1").await;
    let child = flux_object(sandbox, "healthy", "kustomization/web-attachedcluster-kurator-member1").await;
    assert_eq!(child["spec"]["wait"], true);
    let conditions = child["status"]["conditions"].as_array().expect("conditions");
    assert!(conditions.iter().any(|one| one["type"] == "Healthy" && one["status"] == "True"), "{child}");
    taken_away(sandbox, "healthy").await;
}

#[tokio::test]
async fn decrypts() {
    let sandbox = prepared("decrypted").await;
    let key = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "age", "namespace": "decrypted"},
        "stringData": {"key.agekey": AGE_KEY},
    });
    applied(sandbox, &key.to_string()).await;
    let fields = "path: ./encrypted, decryption: {provider: sops, secretRef: {name: age}}";
    applied(sandbox, &shop("decrypted", GIT, &kustomization("decrypted", fields))).await;
    becomes(sandbox, "decrypted", "shop", "True Succeeded 1/1").await;
    let secrets: Api<Secret> = Api::namespaced(member(sandbox), "decrypted");
    let secret = secrets.get("greeting").await.expect("the Secret");
    let data = secret.data.expect("data");
    assert_eq!(data["text"].0, b"hello, fleet");
    taken_away(sandbox, "decrypted").await;
}

/// What the policy says itself and what it reads from beside the Application, on the host.
#[tokio::test]
async fn substitutes_from_a_configmap() {
    let sandbox = prepared("substituted").await;
    let variables = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "variables", "namespace": "substituted"},
        "data": {"colour": "blue"},
    });
    applied(sandbox, &variables.to_string()).await;
    let patch =
        "- op: add\n  path: /metadata/annotations\n  value:\n    seen: ${colour}-${size}-${cluster_name}\n";
    let fields = format!(
        "path: ./kustomize, patches: [{{patch: {patch:?}, target: {{kind: Deployment}}}}], \
         postBuild: {{substitute: {{size: small}}, substituteFrom: [{{kind: ConfigMap, name: variables}}]}}"
    );
    applied(sandbox, &shop("substituted", GIT, &kustomization("substituted", &fields))).await;
    becomes(sandbox, "substituted", "shop", "True Succeeded 1/1").await;
    let api: Api<Deployment> = Api::namespaced(member(sandbox), "substituted");
    let annotations = api.get("podinfo").await.expect("the Deployment").metadata.annotations;
    assert_eq!(annotations.expect("annotations")["seen"], "blue-small-kurator-member1");
    taken_away(sandbox, "substituted").await;
}

#[tokio::test]
async fn an_oci_chart_by_reference() {
    let sandbox = prepared("by-reference").await;
    let source = "ociRepository: {url: 'oci://ghcr.io/stefanprodan/charts/podinfo', interval: 3m, ref: {semver: 6.x}, \
                  layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}";
    let policy = "  - name: web\n    helm: {releaseName: front, interval: 5m, values: {replicaCount: 2}}\n";
    applied(sandbox, &shop("by-reference", source, policy)).await;
    becomes(sandbox, "by-reference", "shop", "True Succeeded 1/1").await;
    deployments(member(sandbox), "by-reference", &["front"]).await;
    let child = flux_object(sandbox, "by-reference", "helmrelease/web-attachedcluster-kurator-member1").await;
    assert_eq!(
        child["spec"]["chartRef"],
        serde_json::json!({"kind": "OCIRepository", "name": "shop"}),
        "{child}"
    );
    taken_away(sandbox, "by-reference").await;
}

#[tokio::test]
async fn an_oci_artifact_as_kustomization() {
    let sandbox = prepared("artifact").await;
    let source = "ociRepository: {url: 'oci://ghcr.io/stefanprodan/manifests/podinfo', interval: 3m, ref: {tag: latest}}";
    applied(sandbox, &shop("artifact", source, &kustomization("artifact", "path: ./"))).await;
    let seen = becomes(sandbox, "artifact", "shop", "True Succeeded 1/1").await;
    let revision = seen["status"]["source"]["revision"].as_str().expect("a revision");
    assert!(revision.starts_with("latest@sha256:"), "{revision}");
    deployments(member(sandbox), "artifact", &["podinfo"]).await;
    taken_away(sandbox, "artifact").await;
}

/// The name of a policy becomes the name of its release in the same cluster.
#[tokio::test]
async fn dependencies_across_helm_releases() {
    let sandbox = prepared("depends").await;
    let chart = "interval: 5m, chart: {spec: {chart: podinfo}}";
    let policies = format!(
        "  - name: web\n    helm: {{releaseName: web, {chart}, dependsOn: [{{name: base}}]}}\n  \
         - name: base\n    helm: {{releaseName: base, {chart}, valuesFrom: [{{kind: ConfigMap, name: values}}]}}\n"
    );
    let source = "helmRepository: {url: 'https://stefanprodan.github.io/podinfo', interval: 5m}";
    applied(sandbox, &shop("depends", source, &policies)).await;
    let waits = until("web to wait for base", PATIENCE, async || {
        let path = "jsonpath={.status.conditions[?(@.type=='Ready')].message}";
        let release = "helmrelease/web-attachedcluster-kurator-member1";
        let arguments = ["get", release, "--namespace", "depends", "--output", path];
        let seen = sandbox.kubectl().run(&arguments).await?;
        let is_met =
            seen.stdout.contains("dependency 'depends/base-attachedcluster-kurator-member1' is not ready");
        Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(seen.stdout + &seen.stderr) })
    });
    waits.await.expect("it waits");

    let values =
        serde_json::json!({"metadata": {"name": "values"}, "data": {"values.yaml": "replicaCount: 2"}});
    let values: ConfigMap = serde_json::from_value(values).expect("a ConfigMap");
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client(), "depends");
    maps.create(&PostParams::default(), &values).await.expect("the ConfigMap is created");
    becomes(sandbox, "depends", "shop", "True Succeeded 1/1").await;
    deployments(member(sandbox), "depends", &["base", "web"]).await;
    taken_away(sandbox, "depends").await;
}
