//! What cannot be read is deleted all the same: what it takes stands in the metadata.

use fleetgate_sandbox::PAST_THE_GATE;

use super::*;
use crate::delivery::counted::application;
use crate::support::terminate;

/// Has the kinds take what this version's types do not, as those of a later version may.
async fn take_anything(sandbox: &Sandbox, crds: &[&str]) {
    let lax = json!([{
        "op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }]);
    for crd in crds {
        kubectl(sandbox, &["patch", "crd", crd, "--type=json", "--patch", &lax.to_string()]).await;
    }
}

/// The kinds go the way back, too.
async fn take_what_fits(sandbox: &Sandbox) {
    let crds = file("manifests/crds").display().to_string();
    kubectl(sandbox, &["apply", "--server-side", "--force-conflicts", "--filename", &crds]).await;
    for unreadable in UNREADABLE {
        is_stored(sandbox, unreadable, 6, false).await;
    }
}

/// Two objects, and a field of each in which no type of this version has a number.
const UNREADABLE: [(&str, &str); 2] =
    [("application/app-0", "syncPolicies"), ("attachedcluster/m1", "kubeconfig")];

/// Waits until a number is stored in the field, past the gate, or is not any more: what is served is what was first
/// established, for a moment.
async fn is_stored(sandbox: &Sandbox, (object, field): (&str, &str), number: u8, expected: bool) {
    let patch = json!({"spec": {field: number}}).to_string();
    let who = ["--as", PAST_THE_GATE, "--as-group", "system:masters"];
    let arguments = [&["patch", object, "--type=merge", "--patch", &patch], &who[..]].concat();
    let what = format!("{number} to be stored in {object}: {expected}");
    let stored = until(&what, PATIENCE, async || {
        let answer = sandbox.kubectl().run(&arguments).await?;
        Ok(if answer.success() == expected { Probe::Done(()) } else { Probe::NotYet(answer.stderr) })
    });
    stored.await.expect("it takes that, or does not");
}

/// Objects of a later version, after a way back to this one.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_any_more_goes_with_all_that_it_made() {
    let sandbox = &with_fluxs_crds().await;
    let mut controller = Replica::start(sandbox, &[]);
    let delivered = apply(sandbox, &application(0).to_string()).await;
    assert!(delivered.success(), "{}", delivered.stderr);
    let child = "kustomization/web-0-attachedcluster-m1";
    finalizers(sandbox, "default", &[(child, ""), ("attachedcluster/m1", FINALIZER)]).await;

    take_anything(sandbox, &["applications.apps.kurator.dev", "attachedclusters.cluster.kurator.dev"]).await;
    for unreadable in UNREADABLE {
        is_stored(sandbox, unreadable, 5, true).await;
    }
    take_what_fits(sandbox).await;
    assert!(terminate(&mut controller.process).await.success());
    let _controller = Replica::start(sandbox, &[]);

    let held = |by: Value| json!({"metadata": {"finalizers": by}}).to_string();
    kubectl(sandbox, &["patch", child, "--type=merge", "--patch", &held(json!(["example.com/held"]))]).await;
    kubectl(sandbox, &["delete", "application", "app-0", "--wait=false"]).await;
    let said = "Deleting: waiting for Flux to remove Kustomization web-0-attachedcluster-m1";
    waits(sandbox, "default", "application/app-0", &format!("{said}…")).await;
    let others = ["delete", "attachedclusters,fleets", "--all", "--wait=false"];
    past_the_gate(sandbox, "default", &others, "").await;
    kubectl(sandbox, &["wait", "--for=delete", "attachedcluster/m2", "fleet/quickstart", "--timeout=60s"])
        .await;
    finalizers(sandbox, "default", &[("attachedcluster/m1", FINALIZER)]).await;

    kubectl(sandbox, &["patch", child, "--type=merge", "--patch", &held(Value::Null)]).await;
    kubectl(sandbox, &["wait", "--for=delete", "application/app-0", "attachedcluster/m1", "--timeout=60s"])
        .await;
    gone(sandbox, "default").await;
}
