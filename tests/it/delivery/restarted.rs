//! What is said of what fails is the same after a restart. In a sandbox without Flux, which is
//! spoken for here.

use serde_json::json;

use super::counted::{application, with_fluxs_crds};
use super::*;
use crate::replica::Replica;
use crate::support::terminate;

const CHILD: &str = "web-0-attachedcluster-m1";

/// Has Flux say that of the child, at the revision that it has applied once.
async fn flux_says(sandbox: &Sandbox, status: &str, reason: &str, message: &str) {
    let condition = json!({
        "type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({"status": {
        "observedGeneration": 1, "lastAppliedRevision": "v1", "lastAttemptedRevision": "v1", "conditions": [condition],
    }});
    let patch = status.to_string();
    let arguments =
        ["patch", "kustomization", CHILD, "--subresource=status", "--type=merge", "--patch", &patch];
    kubectl(sandbox, &arguments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_does_not_become_ready_by_a_restart() {
    let sandbox = &with_fluxs_crds().await;
    let mut controller = Replica::start(sandbox, &[]);
    assert!(apply(sandbox, &application(0).to_string()).await.success());
    let written = until("the child to be written", PATIENCE, async || {
        let names = kustomizations(sandbox, "default").await;
        Ok(if names.iter().any(|name| name == CHILD) {
            Probe::Done(())
        } else {
            Probe::NotYet(names.join(" "))
        })
    });
    written.await.expect("the child");
    flux_says(sandbox, "False", "HealthCheckFailed", "timed out").await;
    let failed = format!("False DeliveryFailed 0/2: Kustomization {CHILD}: timed out");
    becomes(sandbox, "default", "app-0", &failed).await;

    assert!(terminate(&mut controller.process).await.success());
    flux_says(sandbox, "Unknown", "Progressing", "Reconciliation in progress").await;
    // What is said of this generation is said by the next controller.
    let edited = r#"{"spec":{"source":{"gitRepository":{"interval":"7m"}}}}"#;
    kubectl(sandbox, &["patch", "application", "app-0", "--type=merge", "--patch", edited]).await;
    let _controller = Replica::start(sandbox, &[]);
    becomes(sandbox, "default", "app-0", &failed).await;

    flux_says(sandbox, "True", "ReconciliationSucceeded", "Applied revision: v1").await;
    becomes(sandbox, "default", "app-0", "False Progressing 1/2").await;
}
