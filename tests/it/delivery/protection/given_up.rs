//! What is let go of, and what cannot be any more.

use super::*;

/// What runs in a cluster that is let go of runs on, and is taken up again.
#[tokio::test]
async fn orphan_lets_go() {
    let sandbox = delivery();
    delivered(sandbox, "orphan").await;
    let before = pods(sandbox, 1, "orphan").await;
    assert!(!before.is_empty());
    let annotate = |value: &'static str| async move {
        let cluster = ["attachedcluster", "kurator-member2", "--namespace", "orphan"];
        kubectl(sandbox, &[&["annotate"], &cluster[..], &[value]].concat()).await;
    };
    annotate("fleetgate.dev/orphan=true").await;
    let said = "False DestinationNotFound 1/2: the Fleet lists clusters that do not exist or cannot be used: kurator-member2 (names no \
                kubeconfig Secret, or lets go of what was delivered: fleetgate.dev/orphan)";
    becomes(sandbox, "orphan", "shop", said).await;
    answers(
        sandbox,
        &["get", "kustomizations", "--namespace", "orphan", "--output", "name"],
        "kustomization.kustomize.toolkit.fluxcd.io/web-attachedcluster-kurator-member1",
    )
    .await;
    finalizers(sandbox, "orphan", &[("attachedcluster/kurator-member2", ""), ("secret/kurator-member2", "")])
        .await;
    assert_eq!(pods(sandbox, 1, "orphan").await, before);

    annotate("fleetgate.dev/orphan-").await;
    becomes(sandbox, "orphan", "shop", "True Succeeded 2/2").await;
    assert_eq!(pods(sandbox, 1, "orphan").await, before);
    delete(sandbox, "orphan", "shop").await;
    deployments(member(sandbox, 1), "orphan", &[]).await;
}

/// The API server would refuse it, and every refusal would be tried again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_in_a_terminating_namespace() {
    let sandbox = &with_fluxs_crds().await;
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
    let _controller = Replica::through(&kubeconfig, &[]);
    kubectl(sandbox, &["create", "namespace", "ending"]).await;
    let cluster = |name: &str| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "ending"}, "spec": {"kubeconfig": {"name": "m1"}},
        })
    };
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "m1", "namespace": "ending"}});
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "ending"}, "spec": {"clusterSelector": {}},
    });
    let objects =
        json!({"apiVersion": "v1", "kind": "List", "items": [secret, cluster("m1"), cluster("m2"), fleet]});
    assert!(apply(sandbox, &objects.to_string()).await.success());
    label(sandbox, "ending", "m1", "env=test").await;
    assert!(apply(sandbox, &selected("ending", &[("web", "env: test")])).await.success());
    finalizers(
        sandbox,
        "ending",
        &[("kustomization/web-attachedcluster-m1", ""), ("application/shop", "apps.kurator.dev")],
    )
    .await;

    // Whoever would empty the namespace does not, for now.
    sandbox.pause("host-kube-controller-manager").expect("it is paused");
    kubectl(sandbox, &["delete", "namespace", "ending", "--wait=false"]).await;
    let applied = proxy.count(Verb::Apply, "kustomizations");
    label(sandbox, "ending", "m2", "env=test").await;
    // By then whoever wanted to write has written: the deletion comes after the label.
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", "ending", "--timeout=60s"]).await;
    // One may be tried before it is known that the namespace goes.
    assert!(proxy.count(Verb::Apply, "kustomizations") <= applied + 1);
    assert_eq!(kustomizations(sandbox, "ending").await, [""; 0]);
    sandbox.resume("host-kube-controller-manager").expect("it goes on");
    kubectl(sandbox, &["wait", "--for=delete", "namespace/ending", "--timeout=60s"]).await;
}
