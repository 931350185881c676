//! Finalizers are taken off once the API server itself says that nobody needs
//! what has them: the watches are late.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{Application, FINALIZER_FLEET};
use fleetgate_plan::usage::Place;
use fleetgate_plan::{AppEntry, FluxKind};
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};

use super::pass::{Pass, Step, is_at};
use super::{GuardedCluster, GuardedFleet};
use crate::controllers::application::Context;
use crate::controllers::application::children::{Child, SecretKey};
use crate::controllers::finalizers;

/// Lets a Fleet go that no Application names; says whether none does.
pub(super) async fn fleet(fleet: &GuardedFleet, context: &Context) -> anyhow::Result<bool> {
    let (namespace, name) = (fleet.namespace().unwrap_or_default(), fleet.name_any());
    let applications: Api<DeserializeGuard<Application>> =
        Api::namespaced(context.client.clone(), &namespace);
    let listed = applications.list(&ListParams::default()).await;
    let listed = listed.with_context(|| format!("the Applications of {namespace} cannot be listed"))?;
    let entries = listed.iter().filter_map(|application| application.0.as_ref().ok()).map(AppEntry::from);
    let is_used =
        entries.filter(|entry| !entry.is_deleted).any(|entry| entry.policies_to(&name).next().is_some());
    if !is_used {
        finalizers::remove(&context.client, fleet, FINALIZER_FLEET).await?;
    }
    Ok(!is_used)
}

/// What seems to be needed no more in one namespace.
#[derive(Default)]
pub(super) struct Due<'a> {
    namespace: String,
    secrets: Vec<&'a SecretKey>,
    clusters: Vec<(&'a GuardedCluster, Option<&'a Place>)>,
}

/// The Secrets and clusters that seem to be needed no more, by namespace.
pub(super) fn due(pass: &Pass) -> impl Iterator<Item = Due<'_>> {
    let mut all: BTreeMap<String, Due<'_>> = BTreeMap::new();
    for secret in &pass.release {
        all.entry(secret.0.to_string()).or_default().secrets.push(secret);
    }
    for (object, place, step) in &pass.clusters {
        if *step == Step::Remove {
            let namespace = object.namespace().unwrap_or_default();
            all.entry(namespace).or_default().clusters.push((object, place.as_ref()));
        }
    }
    all.into_iter().map(|(namespace, due)| Due { namespace, ..due })
}

/// Lets those go that no child needs; says whether none does.
pub(super) async fn release(due: Due<'_>, context: &Context) -> anyhow::Result<bool> {
    // From here on no child is made that names one of them.
    let mut claims = Vec::new();
    for secret in due.secrets {
        claims.push(context.holds.claim(secret.clone()).await);
    }
    let children = context.children.listed(&FluxKind::POLICIES, &due.namespace, &context.client).await?;
    let ours: Vec<&Arc<Child>> = children.iter().filter(|child| is_ours(child)).collect();
    let mut is_done = true;
    for claim in claims {
        if ours.iter().any(|child| child.secret().as_ref() == Some(claim.key())) {
            is_done = false;
        } else {
            context.holds.release(claim).await.context("a Secret cannot be let go")?;
        }
    }
    for (cluster, place) in due.clusters {
        if place.is_some_and(|place| ours.iter().any(|child| is_at(place, child))) {
            is_done = false;
        } else {
            finalizers::remove(&context.client, cluster, FINALIZER_IN_USE).await?;
        }
    }
    Ok(is_done)
}

/// Whether an Application made the object, by its label or by its owner.
fn is_ours(child: &Child) -> bool {
    child.application().is_some() || child.facts.owner.is_some()
}
