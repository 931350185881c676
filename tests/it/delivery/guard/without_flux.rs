//! In sandboxes of their own, in which nothing is taken away but what Fleetgate takes away.

use super::*;

/// The Application and its two clusters in a sandbox without Flux; with them the
/// Fleet `quickstart` of both.
async fn deliver_to_two(sandbox: &Sandbox) -> BTreeMap<String, String> {
    assert!(apply(sandbox, &application(0).to_string()).await.success());
    let seen = until("both children", PATIENCE, async || {
        let children = children(sandbox, "default").await;
        Ok(if children.len() == 2 { Probe::Done(children) } else { Probe::NotYet(format!("{children:?}")) })
    });
    seen.await.expect("both")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_threshold_is_a_flag() {
    let sandbox = &with_fluxs_crds().await;
    let mut strict = Replica::start(sandbox, &["--prune-guard-clusters", "2", "--prune-guard-percent", "49"]);
    strict.says("fleetgate_prunes_held 0", PATIENCE).await;
    let before = deliver_to_two(sandbox).await;
    let one = r#"{"spec":{"clusters":[{"kind":"AttachedCluster","name":"m1"}]}}"#;
    kubectl(sandbox, &["patch", "fleet", "quickstart", "--type=merge", "--patch", one]).await;
    strict.says("fleetgate_prunes_held 1", PATIENCE).await;
    assert_eq!(children(sandbox, "default").await, before);

    assert!(terminate(&mut strict.process).await.success());
    let usual = Replica::start(sandbox, &[]);
    let seen = until("a child to go", PATIENCE, async || {
        let names = kustomizations(sandbox, "default").await;
        Ok(if names == ["web-0-attachedcluster-m1"] {
            Probe::Done(())
        } else {
            Probe::NotYet(names.join(" "))
        })
    });
    seen.await.expect("one of two is not too much");
    usual.says("fleetgate_prunes_held 0", PATIENCE).await;
}

/// The watch of Fleets says nothing, and so the controller thinks that an
/// Application that moves leaves a cluster which the other Fleet has, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_fleet_removes_nothing() {
    let sandbox = &with_fluxs_crds().await;
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
    let _controller = Replica::through(&kubeconfig, &[]);
    let mut second = fleet("default", &["m1"]);
    assert!(apply(sandbox, &second.to_string()).await.success());
    let before = deliver_to_two(sandbox).await;
    proxy.freeze("fleets");
    proxy.forget();
    second = fleet("default", &["m1", "m2"]);
    assert!(apply(sandbox, &second.to_string()).await.success());
    let moved = r#"[{"op":"replace","path":"/spec/syncPolicies/0/destination/fleet","value":"five"}]"#;
    kubectl(sandbox, &["patch", "application", "app-0", "--type=json", "--patch", moved]).await;
    let looked = until("the controller to look twice", PATIENCE, async || {
        let looks = proxy.count(Verb::Get, "applications");
        Ok(if looks >= 2 { Probe::Done(()) } else { Probe::NotYet(format!("{:?}", proxy.asked())) })
    });
    looked.await.expect("it looks");
    // A watch that is only late is no news; one that stays behind is.
    let said =
        "False ApplyFailed 0/1: nothing is removed: the API server has other Fleets or clusters (policy ";
    let application = becomes(sandbox, "default", "app-0", said).await;
    println!("{:#}", application["status"]["conditions"]);
    assert_eq!(children(sandbox, "default").await, before);
    proxy.thaw("fleets");
    let destination = "jsonpath={.items[*].metadata.annotations.fleetgate\\.dev/destination}";
    let taken_up = until("both children to be of the other Fleet", PATIENCE, async || {
        let said = kubectl(sandbox, &["get", "kustomizations", "--output", destination]).await.stdout;
        let digests: Vec<&str> = said.split_whitespace().collect();
        Ok(if digests.len() == 2 && digests[0] == digests[1] { Probe::Done(()) } else { Probe::NotYet(said) })
    });
    taken_up.await.expect("they are");
    assert_eq!(children(sandbox, "default").await, before);
    assert_eq!(proxy.count(Verb::Delete, "kustomizations"), 0);
}
