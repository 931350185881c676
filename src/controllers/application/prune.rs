//! What the plan no longer has, and goes.

use std::collections::BTreeSet;

use fleetgate_plan::{Fate, Fates, Plan, Purpose};

use super::children::Children;
use super::write::{Failure, Writer};
use crate::controllers::conditions::Summary;

/// Removes what was taken out of the plan. What a policy delivered stays until
/// all that is to replace it has been written.
pub(super) async fn prune(
    plan: &Plan,
    failed: &BTreeSet<Option<String>>,
    children: &Children,
    writer: &Writer,
) -> Vec<(Summary, Failure)> {
    let fates = Fates::of(plan);
    let mut failures = Vec::new();
    for child in children.of(plan.owner.uid.as_deref()) {
        let policy = match child.purpose() {
            Purpose::Policy(policy) => Some(policy),
            Purpose::Source | Purpose::Unknown => None,
        };
        let is_replaced = !failed.iter().any(|failed| failed.as_deref() == policy);
        if !is_replaced || fates.look_up(child.kind, &child.name, child.purpose()) != Fate::Removed {
            continue;
        }
        match writer.delete(&child).await {
            Ok(left) => children.answered(left),
            Err(failure) => {
                failures.push((failure.summary("deleted", child.kind, &child.name), failure));
            }
        }
    }
    failures
}
