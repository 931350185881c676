//! What a change takes away from clusters, said before it happens.
//!
//! An Application's own edit is a decision, and what it removes goes at once:
//! it gets a preview. While something is held it decides nothing: what it takes
//! away is judged with that, and the preview says so. A label, a Fleet or a
//! cluster that changes may take more away than anyone meant, and so may an edit
//! after which nothing is left: that is said as a mass removal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::impact::Loss;
use fleetgate_plan::names::policy_name;
use fleetgate_plan::prune::Guard;
use fleetgate_plan::{Resolution, Resolver, Target};
use kube::ResourceExt;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{Example, Input, Rule, WARNS};

/// `selector/preview`
pub const PREVIEW: Rule = Rule {
    code: "selector/preview",
    severities: WARNS,
    what: "On an update, a policy that stays leaves clusters; they are listed, and those that it comes to. Also when the labels of a cluster change, with the Applications that leave it.",
    why: "What was delivered there is removed; while something is held (`PruneHeld`), it is judged with that.",
    example: Example::update(
        r#"spec.destination.fleet: "quickstart""#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}"#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}}"#,
    ),
};

/// `selector/mass-removal`
pub const MASS_REMOVAL: Rule = Rule {
    code: "selector/mass-removal",
    severities: WARNS,
    what: "On an update, a policy that stays would be left without any cluster; or a change of a Fleet or of a cluster's labels would take all of its clusters away, or more than half of five or more (`--prune-guard-clusters`, `--prune-guard-percent`).",
    why: "Nobody may have meant it. What was delivered stays until `fleetgate.dev/confirm-prune` confirms the removal.",
    example: Example::update(
        r#"spec.destination.fleet: "quickstart""#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "staging"}}}"#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}"#,
    ),
};

/// What of the losses is to be held, as one finding.
pub(crate) fn mass_removal(losses: &[Loss<'_>], guard: Guard, path: FieldPath) -> Option<Finding> {
    let held: BTreeSet<&str> =
        losses.iter().filter(|loss| loss.is_held).map(|loss| loss.application).collect();
    (!held.is_empty()).then(|| {
        let message = format!("takes {guard}, away from {}", names::of_kind("Application", &held));
        Finding::warning(&MASS_REMOVAL, path, Fault::Invalid, message)
            .hint("what was delivered stays until fleetgate.dev/confirm-prune confirms that")
    })
}

/// The way out of what waits for a word with what did so before.
const CONFIRM_BOTH: &str = "where both are too much, fleetgate.dev/confirm-prune confirms both by the digest that status.held has then";

/// A policy that is taken out beside another one may only have been renamed, and then waits for a word, too.
const TO_HAVE_IT_REMOVED: &str =
    "to have it removed, take the policy out, or confirm the removal by the digest of status.held";

/// At most this many different changes are looked at; each costs as much as
/// its fleet has clusters, and nobody reads more.
const MOST_CHANGES: usize = 100;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let Some(old) = input.old else { return };
    let (spec, namespace) = (&input.application.spec, old.namespace().unwrap_or_default());
    let stored = policies_by_name(old);
    let mut resolver = Resolver::new(&namespace, input.catalog);
    // Of the stored one: nobody writes a status by an edit.
    let is_held = old.status.as_ref().is_some_and(|status| status.held.is_some());
    let mut changes = Changes::default();
    for (index, (policy, planned)) in spec.sync_policies.iter().zip(&input.plan.policies).enumerate() {
        if let Some(before) = stored.get(&planned.name) {
            let before = resolver.resolve(placement(&old.spec, before));
            let is_host = matches!(placement(spec, policy), Placement::Host);
            let inherits = policy.destination.is_none() && !is_host;
            changes.add(&planned.name, (!inherits).then_some(index), &before, &planned.resolution);
        }
    }
    findings.extend(changes.list.iter().filter_map(|change| change.finding(is_held)));
}

fn policies_by_name(application: &Application) -> BTreeMap<String, &SyncPolicy> {
    let name = application.name_any();
    let policies = application.spec.sync_policies.iter().enumerate();
    policies.map(|(index, policy)| (policy_name(&name, index, policy), policy)).collect()
}

/// What tells changes apart: where the policy's own destination stands, and the
/// clusters before and after, of which the resolver makes one each.
type ChangeKey = (Option<usize>, *const Resolution, *const Resolution);

#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    known: BTreeMap<ChangeKey, usize>,
}

impl Changes {
    /// Policies that share the default's destination change as one; `own` is the
    /// index of a policy that does not.
    fn add(&mut self, name: &str, own: Option<usize>, before: &Arc<Resolution>, after: &Arc<Resolution>) {
        let key = (own, Arc::as_ptr(before), Arc::as_ptr(after));
        if let Some(change) = self.known.get(&key).and_then(|place| self.list.get_mut(*place)) {
            change.policies.insert(name.to_owned());
        } else if self.list.len() < MOST_CHANGES {
            self.known.insert(key, self.list.len());
            self.list.push(Change {
                path: own.map_or_else(FieldPath::spec, FieldPath::policy).field("destination"),
                policies: BTreeSet::from([name.to_owned()]),
                before: Arc::clone(before),
                after: Arc::clone(after),
            });
        }
    }
}

/// What becomes of policies that go from the same clusters to the same clusters.
struct Change {
    path: FieldPath,
    policies: BTreeSet<String>,
    before: Arc<Resolution>,
    after: Arc<Resolution>,
}

impl Change {
    /// `is_held` is whether the Application has a removal that waits for a word.
    fn finding(&self, is_held: bool) -> Option<Finding> {
        let (before, after) = (places(&self.before), places(&self.after));
        let lost: Vec<&str> = before.difference(&after).map(|(_, name)| *name).collect();
        // What is only missing, or not understood, takes nothing away.
        let is_understood = self.after.missing_fleet.is_none() && self.after.faults.is_empty();
        if lost.is_empty() || !is_understood {
            return None;
        }
        let policies = self.policies.iter().map(String::as_str).collect();
        let policies = names::of_kind("policy", &policies);
        let lost = names::listed(lost.into_iter());
        if self.after.targets.is_empty() {
            if !self.after.missing_clusters.is_empty() {
                return None;
            }
            let message = format!("leaves {policies} without a cluster: what is on {lost} stays");
            let finding = Finding::warning(&MASS_REMOVAL, self.path.clone(), Fault::Invalid, message);
            return Some(finding.hint(TO_HAVE_IT_REMOVED));
        }
        let gained: Vec<&str> = after.difference(&before).map(|(_, name)| *name).collect();
        let verb = if is_held { "takes" } else { "removes" };
        let mut message = format!("{verb} {policies} from {lost}");
        if !gained.is_empty() {
            message = format!("{message}, and brings it to {}", names::listed(gained.into_iter()));
        }
        if is_held {
            message.push_str(": nothing is removed at once, but judged with what is held (PruneHeld)");
        }
        let finding = Finding::warning(&PREVIEW, self.path.clone(), Fault::Invalid, message);
        Some(if is_held { finding.hint(CONFIRM_BOTH) } else { finding })
    }
}

/// Every place with what tells it apart, and the name that users know it by.
fn places(resolution: &Resolution) -> BTreeSet<(String, &str)> {
    let key = |target: &Target| match target {
        Target::Host => String::new(),
        Target::Member(cluster) => cluster.key.to_string(),
    };
    resolution.targets.iter().map(|target| (key(target), target.name())).collect()
}

#[cfg(test)]
mod tests;
