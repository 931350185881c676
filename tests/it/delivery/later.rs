//! What changes later: the new is there before the old goes, on the host, too.

use super::*;

const MEMBERS: [&str; 2] = ["kurator-member1", "kurator-member2"];

/// One policy with a folder of its own, with that destination.
fn placed(namespace: &str, destination: &str) -> String {
    let on_test = "destination: {fleet: quickstart, clusterSelector: {matchLabels: {env: test}}}";
    selected(namespace, &[("web", "env: test")]).replace(on_test, destination)
}

const FLEET: &str = "destination: {fleet: quickstart}";

/// The same as a chart, of which the release is called `web`.
fn chart(namespace: &str) -> String {
    let kustomization = placed(namespace, FLEET);
    let (head, _) = kustomization.split_once("    kustomization:").expect("a kustomization");
    format!(
        "{head}    helm: {{interval: 5m, releaseName: web, targetNamespace: {namespace}, chart: {{spec: {{chart: ./charts/podinfo}}}}}}\n"
    )
}

fn member(sandbox: &Sandbox, index: usize) -> Client {
    sandbox.member_client(index).expect("a member")
}

/// The Application `shop` of a new namespace, once it is delivered as often as that says.
async fn delivered(namespace: &str, manifest: &str, ready: &str) -> &'static Sandbox {
    let sandbox = delivery();
    self::namespace(sandbox, namespace).await;
    member_namespace(sandbox, namespace).await;
    let answer = apply(sandbox, manifest).await;
    assert!(answer.success(), "{}", answer.stderr);
    becomes(sandbox, namespace, "shop", &format!("True Succeeded {ready}")).await;
    sandbox
}

/// The Fleet's clusters, edited as a user does.
async fn fleet_of(sandbox: &Sandbox, namespace: &str, clusters: &[&str]) {
    let clusters: Vec<Value> =
        clusters.iter().map(|name| serde_json::json!({"kind": "AttachedCluster", "name": name})).collect();
    let patch = serde_json::json!({"spec": {"clusters": clusters}}).to_string();
    let arguments =
        ["patch", "fleet", "quickstart", "--namespace", namespace, "--type=merge", "--patch", &patch];
    kubectl(sandbox, &arguments).await;
}

/// While one of the new objects cannot be written, the old one stays.
#[tokio::test]
async fn from_the_host_to_a_fleet_creates_before_it_removes() {
    let sandbox = delivered("to-fleet", &placed("to-fleet", ""), "1/1").await;
    deployments(sandbox.client(), "to-fleet", &["podinfo"]).await;

    let taken = "web-attachedcluster-kurator-member2";
    let foreign = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {taken}, namespace: to-fleet}}\n\
         spec: {{interval: 5m, prune: true, suspend: true, sourceRef: {{kind: GitRepository, name: shop}}}}\n"
    );
    assert!(apply(sandbox, &foreign).await.success());
    assert!(apply(sandbox, &placed("to-fleet", FLEET)).await.success());
    becomes(sandbox, "to-fleet", "shop", "False Conflict").await;
    deployments(member(sandbox, 0), "to-fleet", &["podinfo"]).await;
    deployments(sandbox.client(), "to-fleet", &["podinfo"]).await;
    let both = MEMBERS.map(|name| format!("web-attachedcluster-{name}"));
    let host = "web-currentcluster-host";
    children(sandbox, "to-fleet", &[&both[0], &both[1], host]).await;

    kubectl(sandbox, &["delete", "kustomization", taken, "--namespace", "to-fleet"]).await;
    becomes(sandbox, "to-fleet", "shop", "True Succeeded 2/2").await;
    children(sandbox, "to-fleet", &[&both[0], &both[1]]).await;
    deployments(sandbox.client(), "to-fleet", &[]).await;
    deployments(member(sandbox, 1), "to-fleet", &["podinfo"]).await;
    delete_shop(sandbox, "to-fleet").await;
}

#[tokio::test]
async fn from_a_fleet_to_the_host() {
    let sandbox = delivered("to-host", &placed("to-host", FLEET), "2/2").await;
    assert!(apply(sandbox, &placed("to-host", "")).await.success());
    becomes(sandbox, "to-host", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.client(), "to-host", &["podinfo"]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-host", &[]).await;
    }
    children(sandbox, "to-host", &["web-currentcluster-host"]).await;
    delete_shop(sandbox, "to-host").await;
    deployments(sandbox.client(), "to-host", &[]).await;
}

#[tokio::test]
async fn from_a_kustomization_to_a_chart() {
    let kustomization = placed("to-chart", FLEET);
    let sandbox = delivered("to-chart", &kustomization, "2/2").await;
    assert!(apply(sandbox, &chart("to-chart")).await.success());
    becomes(sandbox, "to-chart", "shop", "True Succeeded 2/2").await;
    children(sandbox, "to-chart", &[]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-chart", &["web"]).await;
    }
    assert!(apply(sandbox, &kustomization).await.success());
    becomes(sandbox, "to-chart", "shop", "True Succeeded 2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "to-chart", &["podinfo"]).await;
    }
    delete_shop(sandbox, "to-chart").await;
}

/// To Helm both policies mean one release, which the old one would take away.
#[tokio::test]
async fn a_policy_by_another_name_keeps_its_release() {
    by_another_name("renamed-release", &chart("renamed-release"), "web").await;
}

/// The old one would take away what the new one has taken over. Its spec is told as the API server has stored it.
#[tokio::test]
async fn a_policy_by_another_name_keeps_its_objects() {
    let patch = r#"[{"op": "test", "path": "/kind", "value": "Service"}]"#;
    let build = "prune: true, patches: [{patch: 'PATCH', target: {kind: Service}}], \
                 postBuild: {substitute: {tier: web}, substituteFrom: [{kind: ConfigMap, name: more}]},";
    let policy = placed("renamed-folder", FLEET).replace("prune: true,", build).replace("PATCH", patch);
    let variables = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: renamed-folder}\ndata: {region: eu}\n";
    by_another_name("renamed-folder", &format!("{variables}---\n{policy}"), "podinfo").await;
}

/// Whatever stands in a member under that name is never gone as the policy `web` is called `new`.
async fn by_another_name(namespace: &str, manifest: &str, deployment: &str) {
    let sandbox = delivered(namespace, manifest, "2/2").await;
    let workload = async || {
        let api: Api<Deployment> = Api::namespaced(member(sandbox, 0), namespace);
        api.get(deployment).await.expect("the Deployment").metadata.uid
    };
    let before = workload().await;
    assert!(apply(sandbox, &manifest.replace("- name: web", "- name: new")).await.success());
    let expected = MEMBERS.map(|name| format!("new-attachedcluster-{name}"));
    let seen = until("the new objects alone", PATIENCE, async || {
        let kinds = "kustomizations,helmreleases";
        let arguments = ["get", kinds, "--namespace", namespace, "--output", "name"];
        let answer = kubectl(sandbox, &arguments).await.stdout;
        let found: Vec<&str> = answer.lines().filter_map(|line| Some(line.split_once('/')?.1)).collect();
        Ok(if found == expected { Probe::Done(()) } else { Probe::NotYet(answer) })
    });
    seen.await.expect("the old ones go");
    becomes(sandbox, namespace, "shop", "True Succeeded 2/2").await;
    assert_eq!(workload().await, before, "it was never gone");
    delete_shop(sandbox, namespace).await;
    deployments(member(sandbox, 0), namespace, &[]).await;
}

/// Nothing is written for a cluster without kubeconfig, so that the old object is all that there is of the policy.
#[tokio::test]
async fn a_policy_by_another_name_waits_for_a_cluster_that_cannot_be_reached() {
    let (namespace, cut_off) = ("renamed-in-doubt", MEMBERS[1]);
    let manifest = placed(namespace, FLEET);
    let sandbox = delivered(namespace, &manifest, "2/2").await;
    let workload = async || {
        let api: Api<Deployment> = Api::namespaced(member(sandbox, 1), namespace);
        api.get("podinfo").await.expect("the Deployment").metadata.uid
    };
    let kubeconfig = async |kubeconfig: Value| {
        let patch = serde_json::json!({"spec": {"kubeconfig": kubeconfig}}).to_string();
        let arguments = [
            "patch",
            "attachedcluster",
            cut_off,
            "--namespace",
            namespace,
            "--type=merge",
            "--patch",
            &patch,
        ];
        kubectl(sandbox, &arguments).await;
    };
    let before = workload().await;
    kubeconfig(Value::Null).await;
    becomes(sandbox, namespace, "shop", "False DestinationNotFound").await;
    assert!(apply(sandbox, &manifest.replace("- name: web", "- name: new")).await.success());
    let new = MEMBERS.map(|name| format!("new-attachedcluster-{name}"));
    children(sandbox, namespace, &[&new[0], &format!("web-attachedcluster-{cut_off}")]).await;
    becomes(sandbox, namespace, "shop", "False DestinationNotFound").await;

    kubeconfig(serde_json::json!({"name": cut_off, "key": format!("{cut_off}.config")})).await;
    children(sandbox, namespace, &[&new[0], &new[1]]).await;
    becomes(sandbox, namespace, "shop", "True Succeeded 2/2").await;
    assert_eq!(workload().await, before, "it was never gone");
    delete_shop(sandbox, namespace).await;
    deployments(member(sandbox, 1), namespace, &[]).await;
}

/// Of one folder each delivers what the other one leaves out.
#[tokio::test]
async fn what_a_sibling_does_not_deliver_goes_with_its_policy() {
    let without = |name: &str, api_version: &str, kind: &str| {
        let patch = format!(
            r#"{{"apiVersion": "{api_version}", "kind": "{kind}", "metadata": {{"name": "podinfo"}}, "$patch": "delete"}}"#
        );
        let policies = selected("siblings", &[(name, "env: test")]);
        let (_, policy) = policies.split_once("syncPolicies:\n").expect("a policy");
        let ending = format!("prune: true, patches: [{{patch: '{patch}'}}],");
        policy.replace("clusterSelector: {matchLabels: {env: test}}", "").replace("prune: true,", &ending)
    };
    let (eu, us) = (without("eu", "apps/v1", "Deployment"), without("us", "v1", "Service"));
    let of = |policies: &str| format!("{}{policies}", selected("siblings", &[]));
    let sandbox = delivered("siblings", &of(&format!("{eu}{us}")), "2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "siblings", &["podinfo"]).await;
    }
    assert!(apply(sandbox, &of(&eu)).await.success());
    let left = MEMBERS.map(|name| format!("eu-attachedcluster-{name}"));
    children(sandbox, "siblings", &[&left[0], &left[1]]).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "siblings", &[]).await;
    }
    delete_shop(sandbox, "siblings").await;
}

/// Two clusters of which the kubeconfigs stand in one Secret are two.
#[tokio::test]
async fn what_leaves_one_of_two_clusters_of_one_secret_goes_there() {
    let sandbox = delivery();
    namespace(sandbox, "one-secret").await;
    member_namespace(sandbox, "one-secret").await;
    let mut data = serde_json::Map::new();
    for name in MEMBERS {
        let secret = ["get", "secret", name, "--namespace", "one-secret", "--output=json"];
        let secret: Value = serde_json::from_str(&kubectl(sandbox, &secret).await.stdout).expect("JSON");
        data.extend(secret["data"].as_object().cloned().expect("keys"));
    }
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "members", "namespace": "one-secret"}, "data": data,
    });
    assert!(apply(sandbox, &secret.to_string()).await.success());
    for name in MEMBERS {
        let patch = r#"{"spec":{"kubeconfig":{"name":"members"}}}"#;
        let arguments =
            ["patch", "attachedcluster", name, "--namespace=one-secret", "--type=merge", "--patch", patch];
        kubectl(sandbox, &arguments).await;
    }
    assert!(apply(sandbox, &placed("one-secret", FLEET)).await.success());
    becomes(sandbox, "one-secret", "shop", "True Succeeded 2/2").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "one-secret", &["podinfo"]).await;
    }
    fleet_of(sandbox, "one-secret", &MEMBERS[..1]).await;
    children(sandbox, "one-secret", &["web-attachedcluster-kurator-member1"]).await;
    deployments(member(sandbox, 1), "one-secret", &[]).await;
    deployments(member(sandbox, 0), "one-secret", &["podinfo"]).await;
    delete_shop(sandbox, "one-secret").await;
}

/// As it leaves the Fleet, and as the Application goes.
#[tokio::test]
async fn what_a_cluster_lets_go_of_stays_whoever_takes_it_away() {
    let sandbox = delivered("let-go", &placed("let-go", FLEET), "2/2").await;
    let annotate = async |name: &str| {
        let arguments =
            ["annotate", "attachedcluster", name, "--namespace", "let-go", "fleetgate.dev/orphan=true"];
        kubectl(sandbox, &arguments).await;
    };
    annotate(MEMBERS[1]).await;
    fleet_of(sandbox, "let-go", &MEMBERS[..1]).await;
    children(sandbox, "let-go", &["web-attachedcluster-kurator-member1"]).await;
    annotate(MEMBERS[0]).await;
    delete_shop(sandbox, "let-go").await;
    for index in 0..2 {
        deployments(member(sandbox, index), "let-go", &["podinfo"]).await;
    }
}

#[tokio::test]
async fn a_fleet_loses_a_cluster_and_gets_it_back() {
    let sandbox = delivered("edited", &placed("edited", FLEET), "2/2").await;
    fleet_of(sandbox, "edited", &MEMBERS[..1]).await;
    deployments(member(sandbox, 1), "edited", &[]).await;
    becomes(sandbox, "edited", "shop", "True Succeeded 1/1").await;
    fleet_of(sandbox, "edited", &MEMBERS).await;
    deployments(member(sandbox, 1), "edited", &["podinfo"]).await;
    becomes(sandbox, "edited", "shop", "True Succeeded 2/2").await;
    delete_shop(sandbox, "edited").await;
}

/// Clusters are a Fleet's by their labels, and nobody lists them.
#[tokio::test]
async fn a_cluster_joins_a_fleet_by_its_label_and_leaves_it() {
    let sandbox = delivery();
    namespace(sandbox, "labelled").await;
    member_namespace(sandbox, "labelled").await;
    let fleet = r#"{"spec":{"clusters":null,"clusterSelector":{"matchLabels":{"tier":"prod"}}}}"#;
    kubectl(
        sandbox,
        &["patch", "fleet", "quickstart", "--namespace", "labelled", "--type=merge", "--patch", fleet],
    )
    .await;
    label(sandbox, "labelled", "kurator-member1", "tier=prod").await;
    let everywhere = selected("labelled", &[("web", "")]);
    assert!(apply(sandbox, &everywhere).await.success());
    becomes(sandbox, "labelled", "shop", "True Succeeded 1/1").await;
    label(sandbox, "labelled", "kurator-member2", "tier=prod").await;
    becomes(sandbox, "labelled", "shop", "True Succeeded 2/2").await;
    deployments(sandbox.member_client(1).expect("a member"), "labelled", &["podinfo"]).await;
    label(sandbox, "labelled", "kurator-member1", "tier=dev").await;
    becomes(sandbox, "labelled", "shop", "True Succeeded 1/1").await;
    deployments(sandbox.member_client(0).expect("a member"), "labelled", &[]).await;
    delete_shop(sandbox, "labelled").await;
}
