//! A member says nothing for a while, as one does whose network is down: in a
//! sandbox of its own, as others deliver to the members, too.

use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Sandbox, Scope};

use super::PATIENCE;
use crate::delivery::{
    becomes, children, deployments, get, gone, kustomizations, label, member_namespace, ready, selected,
};
use crate::support::{apply, kubectl, namespace, options, own};

/// The second member, to everybody outside.
const MEMBER: &str = "kurator-member2-kube-apiserver";

/// One namespace for each change that the member is not there for.
const NAMESPACES: [&str; 3] = ["down-create", "down-move", "down-delete"];

/// Where it is delivered to: both members, the second, or the first.
const BOTH: &str = "at: both";
const SECOND: &str = "env: dev";
const FIRST: &str = "env: test";

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_down_holds_up_its_own_part_alone() {
    let sandbox = &own(options(Scope::Delivery)).await;
    for name in NAMESPACES {
        namespace(sandbox, name).await;
        member_namespace(sandbox, name).await;
        for (member, env) in [("kurator-member1", "env=test"), ("kurator-member2", "env=dev")] {
            label(sandbox, name, member, env).await;
            label(sandbox, name, member, "at=both").await;
        }
    }
    let [create, moved, delete] = NAMESPACES;
    deliver(sandbox, moved, SECOND).await;
    deliver(sandbox, delete, BOTH).await;
    becomes(sandbox, moved, "shop", "True Succeeded 1/1").await;
    becomes(sandbox, delete, "shop", "True Succeeded 2/2").await;

    sandbox.pause(MEMBER).expect("it is paused");
    let silent = Instant::now();
    deliver(sandbox, create, BOTH).await;
    deliver(sandbox, moved, FIRST).await;
    kubectl(sandbox, &["delete", "application", "shop", "--namespace", delete, "--wait=false"]).await;
    the_others_go_on(sandbox).await;
    // It takes as long as it takes.
    tokio::time::sleep(down().saturating_sub(silent.elapsed())).await;
    the_others_go_on(sandbox).await;
    sandbox.resume(MEMBER).expect("it goes on");

    let second = || sandbox.member_client(1).expect("a member");
    becomes(sandbox, create, "shop", "True Succeeded 2/2").await;
    deployments(second(), create, &["podinfo"]).await;
    deployments(second(), moved, &[]).await;
    deployments(second(), delete, &[]).await;
    gone(sandbox, delete).await;
    // It was ready while the second was yet to be cleaned up, too.
    children(sandbox, moved, &["web-attachedcluster-kurator-member1"]).await;
    becomes(sandbox, moved, "shop", "True Succeeded 1/1").await;
}

/// How long the member is down at least.
fn down() -> Duration {
    if std::env::var_os("FLEETGATE_LONG").is_some() { Duration::from_mins(1) } else { Duration::from_secs(5) }
}

async fn deliver(sandbox: &Sandbox, namespace: &str, destination: &str) {
    assert!(apply(sandbox, &selected(namespace, &[("web", destination)])).await.success());
}

/// What the first member has to do is done, and what waits for the second is said.
async fn the_others_go_on(sandbox: &Sandbox) {
    let [create, moved, delete] = NAMESPACES;
    let first = || sandbox.member_client(0).expect("a member");
    deployments(first(), create, &["podinfo"]).await;
    deployments(first(), moved, &["podinfo"]).await;
    deployments(first(), delete, &[]).await;
    says(sandbox, create, " 1/2: ").await;
    becomes(sandbox, moved, "shop", "True Succeeded 1/1").await;
    let both = ["web-attachedcluster-kurator-member1", "web-attachedcluster-kurator-member2"];
    assert_eq!(kustomizations(sandbox, moved).await, both, "the second has not been cleaned up");
    says(sandbox, delete, "Kustomization web-attachedcluster-kurator-member2").await;
}

/// Waits until the Application is not ready, and its condition has that.
async fn says(sandbox: &Sandbox, namespace: &str, part: &str) {
    let seen = until("what is said while the member is down", PATIENCE, async || {
        let said = ready(&get(sandbox, namespace, "shop").await);
        let is_met = said.starts_with("False ") && said.contains(part);
        Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(said) })
    });
    seen.await.expect("what is said");
}
