//! Tenants that are locked in: what no gate saw is held by the controller and by
//! Flux. On a host without a gate.

use super::flux_fields::{GIT, applied, give_all_rights, kustomization, shop};
use super::takeover::prepared;
use super::*;
use crate::replica::Replica;

/// The same Application, to the host.
fn to_the_host(manifest: &str) -> String {
    let lines = manifest.lines().filter(|line| !line.trim_start().starts_with("destination:"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_default_account_is_impersonated() {
    let sandbox = prepared("tenant-a").await;
    let member = || sandbox.member_client(0).expect("a member");
    label(sandbox, "tenant-a", "kurator-member1", "env=test").await;
    kubectl(sandbox, &["create", "serviceaccount", "tenant", "--namespace", "tenant-a"]).await;
    let flags = ["--watch-namespaces", "tenant-a", "--default-service-account", "tenant"];
    let _controller = Replica::start(sandbox, &flags);

    let inside = shop("tenant-a", GIT, &kustomization("tenant-a", "path: ./kustomize"));
    let outside = inside.replace("targetNamespace: tenant-a", "targetNamespace: default");
    let refused = "\"system:serviceaccount:tenant-a:tenant\" cannot";
    for (manifest, cluster) in [(inside.clone(), member()), (to_the_host(&inside), sandbox.client())] {
        applied(sandbox, &manifest).await;
        let seen = becomes(sandbox, "tenant-a", "shop", "False DeliveryFailed 0/1").await;
        assert!(ready(&seen).contains(refused), "{}", ready(&seen));
        give_all_rights(cluster.clone(), "tenant-a", "tenant").await;
        becomes(sandbox, "tenant-a", "shop", "True Succeeded 1/1").await;
        deployments(cluster, "tenant-a", &["podinfo"]).await;
    }
    for manifest in [to_the_host(&outside), outside] {
        applied(sandbox, &manifest).await;
        let seen = becomes(sandbox, "tenant-a", "shop", "False DeliveryFailed 0/1").await;
        assert!(ready(&seen).contains(refused), "{}", ready(&seen));
    }
}

#[tokio::test]
async fn nothing_reaches_the_host_or_another_namespace() {
    let sandbox = prepared("tenant-b").await;
    label(sandbox, "tenant-b", "kurator-member1", "env=test").await;
    let flags = ["--watch-namespaces", "tenant-b", "--no-host-destination", "--no-cross-namespace-refs"];
    let _controller = Replica::start(sandbox, &flags);

    let inside = shop("tenant-b", GIT, &kustomization("tenant-b", "path: ./kustomize"));
    let depending = "path: ./kustomize, dependsOn: [{name: base, namespace: tenant-a}]";
    let table = [
        (to_the_host(&inside), "would go to the host cluster, which this installation does not allow"),
        (shop("tenant-b", GIT, &kustomization("tenant-b", depending)), "leaves the Application's namespace"),
    ];
    for (manifest, said) in table {
        applied(sandbox, &manifest).await;
        let seen = becomes(sandbox, "tenant-b", "shop", "False InvalidSpec").await;
        assert!(ready(&seen).contains(said), "{}", ready(&seen));
        assert_eq!(kustomizations(sandbox, "tenant-b").await, [""; 0]);
    }
    applied(sandbox, &inside).await;
    becomes(sandbox, "tenant-b", "shop", "True Succeeded 1/1").await;
}
