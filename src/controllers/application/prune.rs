//! What the plan no longer has, and goes.

use std::collections::BTreeSet;

use fleetgate_api::{Application, ConditionReason};
use fleetgate_plan::{Fate, Fates, FluxKind, Plan};
use kube::api::DynamicObject;
use kube::{Client, ResourceExt};

use super::children::{Children, policy_of};
use super::write::delete;
use crate::controllers::conditions::Summary;

/// Removes what was taken out of the plan. What a policy delivered stays until
/// all that is to replace it has been written.
pub(super) async fn prune(
    application: &Application,
    plan: &Plan,
    failed: &BTreeSet<Option<String>>,
    children: &Children,
    client: &Client,
) -> Vec<Summary> {
    let fates = Fates::of(plan);
    let mut failures = Vec::new();
    for (kind, object) in children.of(application) {
        let policy = policy_of(&object);
        let is_replaced = !failed.iter().any(|failed| failed.as_deref() == policy);
        if !is_replaced || fates.look_up(kind, &object.name_any(), policy) != Fate::Removed {
            continue;
        }
        if let Err(error) = delete(kind, &object, client).await {
            failures.push(not_deleted(kind, &object, &error));
        }
    }
    failures
}

fn not_deleted(kind: FluxKind, object: &DynamicObject, error: &kube::Error) -> Summary {
    let message = format!("{} {:?} cannot be deleted: {error}", kind.kind(), object.name_any());
    Summary::new(ConditionReason::ApplyFailed, message)
}
