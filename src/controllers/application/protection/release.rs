//! Finalizers are taken off once the API server itself says that nobody needs
//! what has them: the watches are late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use fleetgate_api::names::FINALIZER_IN_USE;
use fleetgate_api::{Application, FINALIZER_FLEET};
use fleetgate_plan::usage::Place;
use fleetgate_plan::{AppEntry, FluxKind};
use futures::{StreamExt, stream};
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Client, Resource, ResourceExt};

use super::pass::{Pass, Step, is_at, is_named_for, why_fleet};
use super::{GuardedCluster, GuardedFleet};
use crate::controllers::application::Context;
use crate::controllers::application::children::{Child, SecretKey};
use crate::controllers::conditions::Summary;
use crate::controllers::finalizers;
use crate::stored::{Scope, list_applications};

/// How many of a namespace are let go at the same time.
const AT_ONCE: usize = 8;

/// Lets a Fleet go that no Application names: says why it stays if one does.
pub(super) async fn fleet(fleet: &GuardedFleet, context: &Context) -> anyhow::Result<Option<Summary>> {
    let (namespace, name) = (fleet.namespace().unwrap_or_default(), fleet.name_any());
    let users = users(&context.client, namespace, &name).await?;
    if users.is_empty() {
        finalizers::remove(&context.client, fleet, FINALIZER_FLEET).await?;
        return Ok(None);
    }
    Ok(Some(why_fleet(&users)))
}

/// The Applications that name the Fleet by the API server's own word. One that
/// cannot be read may be one of them.
async fn users(client: &Client, namespace: String, fleet: &str) -> anyhow::Result<Vec<String>> {
    let scope = Scope { namespace: Some(namespace), application: None };
    let applications = list_applications(client, &scope, ListParams::default()).await?;
    let stays = applications.iter().filter(|application| application.meta().deletion_timestamp.is_none());
    let user = |application: &DeserializeGuard<Application>| match &application.0 {
        Ok(application) => {
            let names_it = AppEntry::from(application).policies_to(fleet).next().is_some();
            names_it.then(|| application.name_any())
        }
        Err(_) => Some(format!("{} (cannot be read)", application.name_any())),
    };
    Ok(stays.filter_map(user).collect())
}

/// What seems to be needed no more in one namespace.
#[derive(Default)]
pub(super) struct Due {
    secrets: Vec<SecretKey>,
    clusters: Vec<(Arc<GuardedCluster>, Option<Place>)>,
}

/// The Secrets and clusters that seem to be needed no more, by namespace.
pub(super) fn due(pass: &Pass) -> BTreeMap<String, Due> {
    let mut all: BTreeMap<String, Due> = BTreeMap::new();
    for secret in &pass.release {
        all.entry(secret.0.to_string()).or_default().secrets.push(secret.clone());
    }
    for (object, place, step) in &pass.clusters {
        if *step == Step::Remove {
            let namespace = object.namespace().unwrap_or_default();
            all.entry(namespace).or_default().clusters.push((Arc::clone(object), place.clone()));
        }
    }
    all
}

/// Lets those go that no child needs; says whether none does.
pub(super) async fn release(namespace: String, due: Due, context: Arc<Context>) -> anyhow::Result<bool> {
    // From here on no child is made that names one of those that are claimed.
    let (mut claims, mut held) = (Vec::new(), BTreeSet::new());
    for secret in due.secrets {
        match context.holds.claim(&secret) {
            Some(claim) => claims.push(claim),
            None => {
                held.insert(secret);
            }
        }
    }
    let children = context.children.listed(&FluxKind::POLICIES, &namespace, &context.client).await?;
    let ours: Vec<&Arc<Child>> = children.iter().filter(|child| is_ours(child)).collect();
    let claimed = claims.len();
    claims.retain(|claim| !ours.iter().any(|child| child.secret().as_ref() == Some(claim.key())));
    let mut is_done = held.is_empty() && claims.len() == claimed;
    let is_needed = |(cluster, place): &(Arc<GuardedCluster>, Option<Place>)| match (place, &cluster.0) {
        // Of a child that is just being made nobody can know yet.
        (Some(place), _) => {
            held.iter().any(|(_, secret)| **secret == *place.secret)
                || ours.iter().any(|child| is_at(place, child))
        }
        (None, Err(_)) => !held.is_empty() || ours.iter().any(|child| is_named_for(cluster, child)),
        (None, Ok(_)) => false,
    };
    let (needed, unneeded): (Vec<_>, Vec<_>) = due.clusters.into_iter().partition(is_needed);
    is_done &= needed.is_empty();
    let secrets = stream::iter(claims).map(async |claim| {
        let released = context.holds.release(claim).await;
        released.context("a Secret cannot be let go")
    });
    let clusters = stream::iter(unneeded)
        .map(async |(cluster, _)| finalizers::remove(&context.client, &*cluster, FINALIZER_IN_USE).await);
    let (secrets, clusters) = tokio::join!(
        secrets.buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
        clusters.buffer_unordered(AT_ONCE).collect::<Vec<_>>(),
    );
    // One that cannot be let go keeps none of the others.
    secrets.into_iter().chain(clusters).collect::<anyhow::Result<()>>()?;
    Ok(is_done)
}

/// Whether an Application made the object, by its label or by its owner.
fn is_ours(child: &Child) -> bool {
    child.application().is_some() || child.facts.owner.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::Uri;
    use serde_json::{Value, json};

    fn application(name: &str, spec: Value) -> Value {
        json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        })
    }

    /// The answer of an API server that has each of these on a page of its own.
    fn page(applications: &[Value], asked: &Uri) -> String {
        let token =
            asked.query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("continue="));
        let at: usize = token.map_or(0, |token| token.parse().expect("a token of ours"));
        let next = (at + 1 < applications.len()).then(|| (at + 1).to_string());
        json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "ApplicationList",
            "metadata": {"resourceVersion": "1", "continue": next}, "items": [applications[at]],
        })
        .to_string()
    }

    #[tokio::test]
    async fn every_application_that_may_name_a_fleet_keeps_it() {
        let helm = json!({"helmRepository": {"url": "https://e.com", "interval": "5m"}});
        let to = |fleet: &str| {
            let policy = json!({"name": "web", "kustomization": {"interval": "5m", "prune": true}});
            json!({"source": helm, "destination": {"fleet": fleet}, "syncPolicies": [policy]})
        };
        let mut early = to("quickstart");
        early["syncPolicy"] = early["syncPolicies"].take();
        early.as_object_mut().expect("a spec").remove("syncPolicies");
        let mut going = application("going", to("quickstart"));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let other = || application("other", to("other"));
        let table: [(Vec<Value>, &[&str]); 5] = [
            (vec![other(), going], &[]),
            (vec![other(), application("late", to("quickstart"))], &["late"]),
            (vec![application("early", early)], &["early"]),
            (vec![other(), application("broken", json!({"syncPolicies": 3}))], &["broken (cannot be read)"]),
            (vec![other()], &[]),
        ];
        for (applications, expected) in table {
            let what = json!(applications).to_string();
            let answer = async move |asked: Uri| page(&applications, &asked);
            let client = Client::new(Router::new().fallback(answer), "default");
            let users = users(&client, "default".to_owned(), "quickstart").await.expect("an answer");
            assert_eq!(users, expected, "{what}");
        }
    }
}
