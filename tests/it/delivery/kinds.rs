//! Every kind of source and policy as Flux's CRDs take it.

use super::*;

/// Waits until exactly these objects of a kind exist, and returns them.
async fn objects(sandbox: &Sandbox, namespace: &str, kind: &str, expected: &[&str]) -> Vec<Value> {
    let what = format!("{kind} {expected:?} in {namespace}");
    let seen = until(&what, PATIENCE, async || {
        let answer = kubectl(sandbox, &["get", kind, "--namespace", namespace, "--output", "json"]).await;
        let list: Value = serde_json::from_str(&answer.stdout)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<&str> = items.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
        Ok(if names == expected { Probe::Done(items) } else { Probe::NotYet(format!("{names:?}")) })
    });
    seen.await.expect("the objects")
}

const RELEASES: [&str; 2] = [
    "helmrepo-helmrelease-demo-0-attachedcluster-kurator-member1",
    "helmrepo-helmrelease-demo-0-attachedcluster-kurator-member2",
];

/// A Helm repository, and a registry: to Flux that has no status, it is an address.
#[tokio::test]
async fn a_chart_becomes_a_release_per_cluster() {
    let sandbox = delivery();
    let application = "helmrepo-helmrelease-demo";
    let sources = [
        ("charts", "https://stefanprodan.github.io/podinfo"),
        ("registry", "oci://ghcr.io/stefanprodan/charts"),
    ];
    for (name, url) in sources {
        namespace(sandbox, name).await;
        member_namespace(sandbox, name).await;
        let manifest = in_namespace(&example("helmrepo-helmrelease-demo.yaml"), name)
            .replace("https://stefanprodan.github.io/podinfo", url);
        assert!(apply(sandbox, &manifest).await.success());
        let releases = objects(sandbox, name, "helmreleases", &RELEASES).await;
        let spec = &releases[1]["spec"];
        assert_eq!(
            spec["kubeConfig"]["secretRef"],
            serde_json::json!({"name": "kurator-member2", "key": "kurator-member2.config"})
        );
        assert_eq!(
            spec["chart"]["spec"]["sourceRef"],
            serde_json::json!({"kind": "HelmRepository", "name": application})
        );
        assert_eq!(spec["values"]["redis"]["tag"], "7.0.6");
        becomes(sandbox, name, application, "True Succeeded 2/2").await;
        for index in 0..2 {
            let member = sandbox.member_client(index).expect("a member");
            deployments(member, name, &["podinfo", "podinfo-redis"]).await;
        }
        kubectl(sandbox, &["delete", "application", application, "--namespace", name, "--timeout=60s"]).await;
        gone(sandbox, name).await;
        deployments(sandbox.member_client(0).expect("a member"), name, &[]).await;
    }
}

/// The words of the source arrive in the condition.
#[tokio::test]
async fn a_repository_that_nobody_has_is_said() {
    let sandbox = delivery();
    let application = "helmrepo-helmrelease-demo";
    namespace(sandbox, "unknown-repository").await;
    let manifest = in_namespace(&example("helmrepo-helmrelease-demo.yaml"), "unknown-repository")
        .replace("https://stefanprodan.github.io/podinfo", "https://charts.example.com");
    assert!(apply(sandbox, &manifest).await.success());
    objects(sandbox, "unknown-repository", "helmreleases", &RELEASES).await;
    becomes(sandbox, "unknown-repository", application, "False SourceFailed 0/2").await;
    kubectl(
        sandbox,
        &["delete", "application", application, "--namespace", "unknown-repository", "--timeout=60s"],
    )
    .await;
    gone(sandbox, "unknown-repository").await;
}

/// Waits until the values of a release have this at `key`; `None` is nothing at all.
async fn value(sandbox: &Sandbox, namespace: &str, release: &str, key: &str, expected: Option<Value>) {
    let what = format!("{key} of {release} to be {expected:?}");
    let seen = until(&what, PATIENCE, async || {
        let arguments = ["get", "helmrelease", release, "--namespace", namespace, "--output", "json"];
        let answer = sandbox.kubectl().run(&arguments).await?;
        let object: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
        let found = object["spec"]["values"].get(key).cloned();
        Ok(if found == expected { Probe::Done(()) } else { Probe::NotYet(format!("{found:?}")) })
    });
    seen.await.expect("the value");
}

/// Applied on the server's side: without that `kubectl apply` drops every null
/// before it sends anything.
#[tokio::test]
async fn a_null_in_an_override_reaches_helm_and_goes_again() {
    let sandbox = delivery();
    namespace(sandbox, "values").await;
    member_namespace(sandbox, "values").await;
    let overrides =
        "      overrides: [{clusterSelector: {matchLabels: {env: dev}}, values: {ingress: null}}]\n";
    let manifest = in_namespace(&example("helmrepo-helmrelease-demo.yaml"), "values");
    let server_side = ["apply", "--server-side", "-f", "-"];
    let answer = sandbox.kubectl().run_with(&server_side, &format!("{manifest}{overrides}")).await;
    assert!(answer.expect("kubectl runs").success());
    let ingress = serde_json::json!({"enabled": true, "className": "nginx"});
    let [first, second] = RELEASES;
    value(sandbox, "values", second, "ingress", Some(ingress.clone())).await;
    label(sandbox, "values", "kurator-member2", "env=dev").await;
    value(sandbox, "values", second, "ingress", Some(Value::Null)).await;
    value(sandbox, "values", first, "ingress", Some(ingress.clone())).await;
    kubectl(sandbox, &["delete", "helmrelease", second, "--namespace", "values"]).await;
    value(sandbox, "values", second, "ingress", Some(Value::Null)).await;
    label(sandbox, "values", "kurator-member2", "env=test").await;
    value(sandbox, "values", second, "ingress", Some(ingress)).await;
    kubectl(sandbox, &["delete", "application", "--all", "--namespace", "values", "--timeout=60s"]).await;
    gone(sandbox, "values").await;
}

#[tokio::test]
async fn another_source_takes_the_place_of_the_first() {
    let sandbox = delivery();
    namespace(sandbox, "swapped").await;
    member_namespace(sandbox, "swapped").await;
    label(sandbox, "swapped", "kurator-member1", "env=test").await;
    let manifest = selected("swapped", &[("web", "env: test")]);
    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "swapped", "shop", "True Succeeded 1/1").await;
    let git = "gitRepository: {url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {branch: master}}";
    let others = [
        ("buckets", "Bucket", "bucket: {bucketName: podinfo, endpoint: minio.example.com, interval: 3m}"),
        (
            "ocirepositories",
            "OCIRepository",
            "ociRepository: {url: 'oci://e.example.com/shop', interval: 3m}",
        ),
    ];
    for (plural, kind, source) in others {
        assert!(apply(sandbox, &manifest.replace(git, source)).await.success());
        objects(sandbox, "swapped", plural, &["shop"]).await;
        objects(sandbox, "swapped", "gitrepositories", &[]).await;
        let child =
            objects(sandbox, "swapped", "kustomizations", &["web-attachedcluster-kurator-member1"]).await;
        assert_eq!(child[0]["spec"]["sourceRef"], serde_json::json!({"kind": kind, "name": "shop"}));
        deployments(sandbox.member_client(0).expect("a member"), "swapped", &["podinfo"]).await;
        // The registry is unknown: what the bucket delivered stays until there is something else.
        if kind == "Bucket" {
            becomes(sandbox, "swapped", "shop", "True Succeeded 1/1").await;
        }
    }
    assert!(apply(sandbox, &manifest).await.success());
    becomes(sandbox, "swapped", "shop", "True Succeeded 1/1").await;
    objects(sandbox, "swapped", "ocirepositories", &[]).await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "swapped", "--timeout=60s"]).await;
    gone(sandbox, "swapped").await;
}

/// The annotations of a Deployment in a member.
async fn annotations(sandbox: &Sandbox, member: usize, namespace: &str) -> Value {
    let api: Api<Deployment> = Api::namespaced(sandbox.member_client(member).expect("a member"), namespace);
    let deployment = api.get("podinfo").await.expect("the Deployment");
    serde_json::to_value(deployment.metadata.annotations).expect("JSON")
}

/// An override for one cluster, variables of each, and a policy that waits for
/// one that goes to one cluster only.
#[tokio::test]
async fn what_differs_from_cluster_to_cluster_arrives_where_it_belongs() {
    let sandbox = delivery();
    namespace(sandbox, "differs").await;
    member_namespace(sandbox, "differs").await;
    label(sandbox, "differs", "kurator-member1", "env=test").await;
    label(sandbox, "differs", "kurator-member2", "env=dev").await;
    // What is in the patches is for kustomize to read; Flux substitutes afterwards.
    let patch = |text: &str| format!("{{patch: {text:?}, target: {{kind: Deployment}}}}");
    let name = patch(
        "- op: add\n  path: /metadata/annotations\n  value:\n    cluster: ${cluster_name}-${cluster_label_env}\n",
    );
    let tier = patch("- op: add\n  path: /metadata/annotations/tier\n  value: dev\n");
    let manifest = format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: differs}}\nspec:\n  \
         source: {{gitRepository: {{url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {{branch: master}}}}}}\n  \
         destination: {{fleet: quickstart}}\n  syncPolicies:\n  \
         - name: web\n    kustomization: {{interval: 5m, path: ./kustomize, prune: true, targetNamespace: differs, dependsOn: [{{name: base}}], postBuild: {{substitute: {{}}}}, patches: [{name}]}}\n    \
         overrides: [{{clusterSelector: {{matchLabels: {{env: dev}}}}, patches: [{tier}]}}]\n  \
         - name: base\n    destination: {{fleet: quickstart, clusterSelector: {{matchLabels: {{env: dev}}}}}}\n    \
         kustomization: {{interval: 5m, path: ./kustomize, prune: true, targetNamespace: differs, namePrefix: base-}}\n"
    );
    let answer = apply(sandbox, &manifest).await;
    assert!(answer.success(), "{}", answer.stderr);
    becomes(sandbox, "differs", "shop", "True Succeeded 2/2").await;
    deployments(sandbox.member_client(0).expect("a member"), "differs", &["podinfo"]).await;
    deployments(sandbox.member_client(1).expect("a member"), "differs", &["base-podinfo", "podinfo"]).await;
    let first = annotations(sandbox, 0, "differs").await;
    assert_eq!((&first["cluster"], &first["tier"]), (&Value::from("kurator-member1-test"), &Value::Null));
    let second = annotations(sandbox, 1, "differs").await;
    assert_eq!(
        (&second["cluster"], &second["tier"]),
        (&Value::from("kurator-member2-dev"), &Value::from("dev"))
    );
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "differs", "--timeout=60s"]).await;
    gone(sandbox, "differs").await;
}
