//! The documents' example flows, word for word: the files as they are, in the
//! namespace that they name, by the commands that the documents give.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::networking::v1::Ingress;
use tokio::sync::{Mutex, MutexGuard};

use super::*;

/// All of them deliver `podinfo` to the same place, so each waits for its turn.
async fn turn(sandbox: &Sandbox) -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    // What a flow that failed has left is not for the next to stumble over.
    kubectl(sandbox, &["delete", "applications", "--all", "--namespace", "default", "--timeout=60s"]).await;
    // Flux tries again only after the policy's interval when it meets a namespace that is going away.
    for client in [sandbox.client(), member(sandbox, 0), member(sandbox, 1)] {
        let namespaces: Api<Namespace> = Api::all(client);
        let gone = until("the namespace webapp to be gone", PATIENCE, async || {
            Ok(match namespaces.get_opt("webapp").await? {
                None => Probe::Done(()),
                Some(namespace) => Probe::NotYet(format!("{:?}", namespace.status)),
            })
        });
        gone.await.expect("no namespace webapp");
    }
    turn
}

/// `kubectl apply -f examples/application/FILE`, then waits until it is ready; gives back what kubectl warned of.
async fn deliver(sandbox: &Sandbox, example: &str, application: &str) -> String {
    let path = file("examples/application").join(example);
    let applied = kubectl(sandbox, &["apply", "-f", path.to_str().expect("a path")]).await;
    let application = format!("application/{application}");
    kubectl(sandbox, &["wait", "--for=condition=Ready", "--timeout=60s", &application]).await;
    applied.stderr
}

/// `kubectl delete applications.apps.kurator.dev NAME`, after which nothing is left on the host.
async fn take_away(sandbox: &Sandbox, application: &str) {
    kubectl(sandbox, &["delete", "applications.apps.kurator.dev", application, "--timeout=60s"]).await;
    gone(sandbox, "default").await;
}

fn member(sandbox: &Sandbox, index: usize) -> Client {
    sandbox.member_client(index).expect("a member")
}

async fn columns(sandbox: &Sandbox, application: &str) -> Vec<String> {
    let line = kubectl(sandbox, &["get", "applications", application, "--no-headers"]).await.stdout;
    let mut columns: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    // By its content, which is not always the same.
    let revision = columns.drain(4..).next().expect("a revision");
    assert!(revision.contains('@') || revision.starts_with("sha256:"), "{line}");
    columns
}

/// The README's story.
#[tokio::test]
async fn two_kustomizations_to_two_clusters() {
    let sandbox = delivery();
    let _turn = turn(sandbox).await;
    let application = "gitrepo-kustomization-demo";
    let common = file("examples/application/common");
    let joined = kubectl(sandbox, &["apply", "-f", common.to_str().expect("a path")]).await;
    assert_eq!(joined.stderr, "");
    let warnings = deliver(sandbox, "gitrepo-kustomization-demo.yaml", application).await;
    assert_eq!(warnings, "", "the demo is admitted without a warning");
    assert_eq!(columns(sandbox, application).await, [application, "GitRepository", "quickstart", "2/2"]);
    for index in 0..2 {
        deployments(member(sandbox, index), "webapp", &["backend", "frontend"]).await;
        deployments(member(sandbox, index), "default", &["podinfo"]).await;
    }
    assert_eq!(
        kustomizations(sandbox, "default").await,
        [
            "gitrepo-kustomization-demo-0-attachedcluster-kurator-member1",
            "gitrepo-kustomization-demo-0-attachedcluster-kurator-member2",
            "gitrepo-kustomization-demo-1-attachedcluster-kurator-member1",
            "gitrepo-kustomization-demo-1-attachedcluster-kurator-member2",
        ]
    );
    take_away(sandbox, application).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "webapp", &[]).await;
        deployments(member(sandbox, index), "default", &[]).await;
    }
}

#[tokio::test]
async fn helm_repository_and_helm() {
    let sandbox = delivery();
    let _turn = turn(sandbox).await;
    let application = "helmrepo-helmrelease-demo";
    let warnings = deliver(sandbox, "helmrepo-helmrelease-demo.yaml", application).await;
    assert_eq!(warnings, "");
    assert_eq!(columns(sandbox, application).await, [application, "HelmRepository", "quickstart", "2/2"]);
    released_and_taken_away(sandbox, application).await;
}

#[tokio::test]
async fn git_and_helm() {
    let sandbox = delivery();
    let _turn = turn(sandbox).await;
    let application = "gitrepo-helmrelease-demo";
    let warnings = deliver(sandbox, "gitrepo-helmrelease-demo.yaml", application).await;
    assert_eq!(warnings, "");
    assert_eq!(columns(sandbox, application).await, [application, "GitRepository", "quickstart", "2/2"]);
    released_and_taken_away(sandbox, application).await;
}

/// The chart with the values of the examples, once in each member; and nothing of it afterwards.
async fn released_and_taken_away(sandbox: &Sandbox, application: &str) {
    for index in 0..2 {
        deployments(member(sandbox, index), "default", &["podinfo", "podinfo-redis"]).await;
        let redis: Api<Deployment> = Api::namespaced(member(sandbox, index), "default");
        let redis = serde_json::to_value(redis.get("podinfo-redis").await.expect("redis")).expect("JSON");
        let image = &redis["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(image, "public.ecr.aws/docker/library/redis:7.0.6");
        let ingresses: Api<Ingress> = Api::namespaced(member(sandbox, index), "default");
        let spec = ingresses.get("podinfo").await.expect("the Ingress").spec.expect("a spec");
        assert_eq!(spec.ingress_class_name.as_deref(), Some("nginx"));
        assert_eq!(releases(sandbox, index).await, ["sh.helm.release.v1.podinfo.v1"]);
    }
    take_away(sandbox, application).await;
    for index in 0..2 {
        deployments(member(sandbox, index), "default", &[]).await;
        assert_eq!(releases(sandbox, index).await, [""; 0]);
    }
}

/// What helm remembers of releases in a member.
async fn releases(sandbox: &Sandbox, index: usize) -> Vec<String> {
    let secrets: Api<Secret> = Api::namespaced(member(sandbox, index), "default");
    let found = secrets.list(&ListParams::default().labels("owner=helm")).await.expect("the Secrets");
    found.into_iter().filter_map(|secret| secret.metadata.name).collect()
}

#[tokio::test]
async fn the_selector_sends_each_where_it_belongs() {
    let sandbox = delivery();
    let _turn = turn(sandbox).await;
    kubectl(sandbox, &["label", "attachedcluster", "kurator-member1", "env=test", "--overwrite"]).await;
    kubectl(sandbox, &["label", "attachedcluster", "kurator-member2", "env=dev", "--overwrite"]).await;
    // The document's file has the name of the first demo.
    let application = "gitrepo-kustomization-demo";
    let warnings = deliver(sandbox, "cluster-selector-demo.yaml", application).await;
    assert_eq!(warnings, "");
    deployments(member(sandbox, 0), "webapp", &["backend", "frontend"]).await;
    deployments(member(sandbox, 0), "default", &[]).await;
    deployments(member(sandbox, 1), "webapp", &[]).await;
    deployments(member(sandbox, 1), "default", &["podinfo"]).await;
    take_away(sandbox, application).await;
    deployments(member(sandbox, 0), "webapp", &[]).await;
    deployments(member(sandbox, 1), "default", &[]).await;
    kubectl(sandbox, &["label", "attachedclusters", "--all", "env-"]).await;
}

#[tokio::test]
async fn without_fleet_to_the_host() {
    let sandbox = delivery();
    let _turn = turn(sandbox).await;
    let application = "without-fleet-demo";
    let warnings = deliver(sandbox, "gitrepo-kustomization-demo-without-fleet.yaml", application).await;
    assert!(warnings.contains("[source/interval]"), "{warnings}");
    let seen = get(sandbox, "default", application).await;
    assert_eq!(seen["status"]["destination"], "host");
    assert!(ready(&seen).starts_with("True Succeeded 1/1"), "{}", ready(&seen));
    deployments(sandbox.client(), "webapp", &["backend", "frontend"]).await;
    deployments(sandbox.client(), "default", &["podinfo"]).await;
    assert_eq!(
        kustomizations(sandbox, "default").await,
        ["without-fleet-demo-0-currentcluster-host", "without-fleet-demo-1-currentcluster-host"]
    );
    take_away(sandbox, application).await;
    deployments(sandbox.client(), "webapp", &[]).await;
    deployments(sandbox.client(), "default", &[]).await;
}
