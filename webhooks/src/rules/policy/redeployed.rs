//! The rule about edits that look small, and after which Flux takes away what runs.
//!
//! Of a policy that keeps its name the Flux objects stay, and so it is Flux that
//! compares: a release by its names ([`release`]), the objects of a folder by
//! theirs ([`folder`]).

mod folder;
mod release;

use std::collections::{BTreeSet, HashMap};

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;
use fleetgate_plan::destination::placement;
use fleetgate_plan::{ClusterKey, Resolution, Resolver, Target};
use kube::ResourceExt;

use super::named;
use super::renumbered::has_no_name;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{Example, Input, Rule, WARNS};

/// `policy/redeployed`
pub const REDEPLOYED: Rule = Rule {
    code: "policy/redeployed",
    severities: WARNS,
    what: "On an update, what Flux knows a policy's objects by changes: of a Helm release its name, `targetNamespace`, `storageNamespace` or the chart's name, unless `upgrade.chartNameChangeStrategy` is `InPlaceUpdate`; of a kustomization with `prune` its `targetNamespace`, `namePrefix` or `nameSuffix`. Without `releaseName` a release's name has `targetNamespace` in it.",
    why: "helm-controller uninstalls a release before it installs it under other names (`ReleaseTargetChanged`); kustomize-controller applies the objects under theirs, and removes those of before. What is in their volumes goes with them.",
    example: Example::update(
        r#"spec.syncPolicies: [{"name": "web", "helm": {"interval": "5m", "releaseName": "web", "chart": {"spec": {"chart": "./charts/web"}}}}]"#,
        r#"spec.syncPolicies: [{"name": "web", "helm": {"interval": "5m", "releaseName": "shop", "chart": {"spec": {"chart": "./charts/web"}}}}]"#,
        r#"spec.syncPolicies: [{"name": "web", "helm": {"interval": "10m", "releaseName": "web", "chart": {"spec": {"chart": "./charts/web"}}}}]"#,
    ),
};

/// Of more policies nobody reads.
const SAID: usize = 5;

/// At most this many edits are looked at; each costs as much as its fleet has
/// clusters, and the Application policies.
const MOST_COMPARED: usize = 100;

/// A policy that keeps its name, before and after.
struct Edit<'a> {
    index: usize,
    name: String,
    before: Side<'a>,
    after: Side<'a>,
}

/// A policy of an Application.
#[derive(Clone, Copy)]
struct Side<'a> {
    application: &'a Application,
    policy: &'a SyncPolicy,
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let Some(old) = input.old else { return };
    let namespace = old.namespace().unwrap_or_default();
    let mut resolver = Resolver::new(&namespace, input.catalog);
    let mut all = Vec::new();
    for edit in edits(old, input.application).filter(Edit::is_one).take(MOST_COMPARED) {
        let Some(planned) = input.plan.policies.get(edit.index).filter(|_| !edit.is_renumbered()) else {
            continue;
        };
        let before = resolver.resolve(placement(&old.spec, edit.before.policy));
        all.extend(edit.finding(&common(&before, &planned.resolution)));
        if all.len() > SAID {
            break;
        }
    }
    let is_more = all.len() > SAID;
    findings.extend(all.into_iter().take(SAID));
    if is_more {
        let path = FieldPath::spec().field("syncPolicies");
        findings.push(Finding::warning(
            &REDEPLOYED,
            path,
            Fault::Invalid,
            "others are delivered anew by this, too",
        ));
    }
}

fn edits<'a>(old: &'a Application, new: &'a Application) -> impl Iterator<Item = Edit<'a>> {
    let mut stored: HashMap<String, &SyncPolicy> = HashMap::new();
    for (_, policy, name) in named(old) {
        // Child names have no upper case.
        stored.entry(name.to_lowercase()).or_insert(policy);
    }
    named(new).filter_map(move |(index, policy, name)| {
        let before = stored.get(&name.to_lowercase())?;
        let before = Side { application: old, policy: before };
        Some(Edit { index, name, before, after: Side { application: new, policy } })
    })
}

/// The places that were delivered to, and still are: what leaves a place is said
/// by others.
fn common<'a>(before: &Resolution, after: &'a Resolution) -> Vec<&'a Target> {
    let known: BTreeSet<Option<&ClusterKey>> = before.reachable().map(Target::cluster).collect();
    after.reachable().filter(|target| known.contains(&target.cluster())).collect()
}

impl Edit<'_> {
    /// Whether it may be one of those that this is about, which is quickly seen.
    fn is_one(&self) -> bool {
        release::names_change(self.before, self.after) || folder::names_change(self.before, self.after)
    }

    /// Whether what stood under a generated name stands under another one now, of
    /// which `policy/renumbered` speaks.
    fn is_renumbered(&self) -> bool {
        let is_unnamed = has_no_name(self.before.policy) || has_no_name(self.after.policy);
        let before = self.before.policy;
        let is_the_same = |policy: &SyncPolicy| {
            policy.helm == before.helm
                && policy.kustomization == before.kustomization
                && policy.destination == before.destination
        };
        is_unnamed && self.after.application.spec.sync_policies.iter().any(is_the_same)
    }

    /// What is said of it where it is delivered to these places.
    fn finding(&self, places: &[&Target]) -> Option<Finding> {
        if places.is_empty() {
            return None;
        }
        release::changed(self, places).or_else(|| folder::changed(self, places))
    }
}

/// `on "m1", "m2"`, or `on the host`.
fn on(places: &[&Target]) -> String {
    match places {
        [Target::Host] => "on the host".to_owned(),
        places => format!("on {}", names::listed(places.iter().map(|target| target.name()))),
    }
}

#[cfg(test)]
mod tests;
