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

/// Lets a Fleet go that no Application names.
pub(super) async fn fleet(fleet: &GuardedFleet, context: &Context) -> anyhow::Result<()> {
    let (namespace, name) = (fleet.namespace().unwrap_or_default(), fleet.name_any());
    let applications: Api<DeserializeGuard<Application>> =
        Api::namespaced(context.client.clone(), &namespace);
    let listed = applications.list(&ListParams::default()).await;
    let listed = listed.with_context(|| format!("the Applications of {namespace} cannot be listed"))?;
    let entries = listed.iter().filter_map(|application| application.0.as_ref().ok()).map(AppEntry::from);
    let is_used =
        entries.filter(|entry| !entry.is_deleted).any(|entry| entry.policies_to(&name).next().is_some());
    if is_used { Ok(()) } else { finalizers::remove(&context.client, fleet, FINALIZER_FLEET).await }
}

/// What is to be let go in one namespace.
#[derive(Default)]
struct Due<'a> {
    secrets: Vec<SecretKey>,
    clusters: Vec<(&'a GuardedCluster, Option<&'a Place>)>,
}

/// Lets the Secrets and clusters go that no child needs.
pub(super) async fn secrets_and_clusters(pass: &Pass, context: &Context) -> anyhow::Result<()> {
    let mut due: BTreeMap<Box<str>, Due<'_>> = BTreeMap::new();
    for key in &pass.release {
        due.entry(key.0.clone()).or_default().secrets.push(key.clone());
    }
    for (object, place, step) in &pass.clusters {
        if *step == Step::Remove {
            let namespace = object.namespace().unwrap_or_default().into();
            due.entry(namespace).or_default().clusters.push((object, place.as_ref()));
        }
    }
    for (namespace, due) in due {
        release(&namespace, due, context).await?;
    }
    Ok(())
}

async fn release(namespace: &str, due: Due<'_>, context: &Context) -> anyhow::Result<()> {
    // From here on no child is made that names one of them.
    let mut claims = Vec::new();
    for secret in due.secrets {
        claims.push(context.secrets.claim(secret).await);
    }
    let children = context.children.listed(&FluxKind::POLICIES, namespace, &context.client).await?;
    let ours: Vec<&Arc<Child>> = children.iter().filter(|child| is_ours(child)).collect();
    for claim in claims {
        if !ours.iter().any(|child| child.secret().as_ref() == Some(claim.key())) {
            context.secrets.release(claim).await.context("a Secret cannot be let go")?;
        }
    }
    for (cluster, place) in due.clusters {
        let is_needed = place.is_some_and(|place| ours.iter().any(|child| is_at(place, child)));
        if !is_needed {
            finalizers::remove(&context.client, cluster, FINALIZER_IN_USE).await?;
        }
    }
    Ok(())
}

/// Whether an Application made the object, by its label or by its owner.
fn is_ours(child: &Child) -> bool {
    child.application().is_some() || child.facts.owner.is_some()
}
