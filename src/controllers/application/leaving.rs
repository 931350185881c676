//! What is on its way out: what is said of it, and the way out where it does not
//! get there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fleetgate_api::ConditionReason;
use fleetgate_api::names::ANNOTATION_ORPHAN;
use fleetgate_plan::{Catalog, Cluster, ClusterKind, Purpose, RenderedKind, names};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::children::Child;
use super::summary::{LISTED_NAMES, listed, listed_as};
use super::write::Failure;
use crate::controllers::conditions::Summary;

/// What Flux has not removed by then may never be: the way out is said.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// When it is looked again after that: an API server counts whole seconds.
const A_SECOND: Duration = Duration::from_secs(1);

/// What of an Application that stays is on its way out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Leaving {
    /// What is said of what has been for too long, if anything has.
    pub(super) stuck: Option<Summary>,
    /// When to look again whether something has.
    pub(super) again: Option<Duration>,
}

impl Leaving {
    /// Of all `children` of an Application.
    pub(super) fn of(children: &[Arc<Child>], catalog: &Catalog, now: Timestamp) -> Self {
        let mut going: Vec<(Timestamp, &Child)> =
            children.iter().filter_map(|child| Some((child.facts.going_since?, &**child))).collect();
        going.sort_by_key(|(since, child)| (*since, &child.name));
        let (stuck, rest): (Vec<_>, Vec<_>) = going.into_iter().partition(|(_, child)| is_stuck(child, now));
        let stuck: Vec<&Child> = stuck.into_iter().map(|(_, child)| child).collect();
        let left = |since: Timestamp| (PATIENCE - now.duration_since(since)).unsigned_abs();
        Self {
            stuck: (!stuck.is_empty()).then(|| summary(&stuck, catalog)),
            again: rest.first().map(|(since, _)| left(*since) + A_SECOND),
        }
    }
}

/// Whether Flux has had its time to remove it.
pub(super) fn is_stuck(child: &Child, now: Timestamp) -> bool {
    child.facts.going_since.is_some_and(|since| now.duration_since(since) > PATIENCE)
}

/// What is said of those that are stuck, and how each is let go of.
fn summary(stuck: &[&Child], catalog: &Catalog) -> Summary {
    let ways: BTreeSet<String> =
        stuck.iter().take(LISTED_NAMES).map(|child| way_out(child, catalog)).collect();
    let message = format!(
        "waiting for Flux to remove {}; if a cluster is gone for good, let go of what is left there: {}",
        listed_as(stuck, |child| said(child, None, catalog)),
        listed(&ways.into_iter().collect::<Vec<_>>()),
    );
    Summary::new(ConditionReason::Deleting, message)
}

/// How a child is let go of: with all of its cluster where that can be told so,
/// and else for itself, as what is suspended Flux removes nothing for.
fn way_out(child: &Child, catalog: &Catalog) -> String {
    let namespace = &child.namespace;
    match cluster(child, catalog) {
        Some(cluster)
            if cluster.key.kind == ClusterKind::AttachedCluster && is_reached_by(cluster, child) =>
        {
            let_go_of(&cluster.key.kind.crd_name(), &cluster.key.name, namespace)
        }
        _ => format!(
            r#"kubectl patch {} {} --namespace {namespace} --type=merge --patch '{{"spec":{{"suspend":true}}}}'"#,
            RenderedKind::Flux(child.kind).crd_name(),
            child.name
        ),
    }
}

fn is_reached_by(cluster: &Cluster, child: &Child) -> bool {
    cluster
        .kubeconfig
        .as_ref()
        .is_some_and(|kubeconfig| child.facts.secret.as_deref() == Some(&kubeconfig.secret))
}

/// What is said of a child that is still there.
pub(super) fn said(child: &Child, failure: Option<&Failure>, catalog: &Catalog) -> String {
    let what = format!("{} {}{}", child.kind.kind(), child.name, place(child, catalog));
    let state = &child.facts.state;
    match failure {
        Some(failure) => format!("{what} ({})", failure.summary("deleted", child.kind, &child.name).message),
        // What Flux said before it had to be removed is no news.
        None if state.reason.ends_with("Failed") => format!("{what} ({})", state.message),
        None => what,
    }
}

/// Where a policy's child delivered to.
fn place(child: &Child, catalog: &Catalog) -> String {
    match (&child.facts.secret, cluster(child, catalog)) {
        (None, _) => String::new(),
        (Some(_), Some(cluster)) => format!(" from {}", cluster.key),
        (Some(secret), None) => format!(" from the cluster of Secret {secret}"),
    }
}

/// The member that a policy's child was made for, if it is there.
fn cluster<'a>(child: &Child, catalog: &'a Catalog) -> Option<&'a Cluster> {
    let Purpose::Policy { name, .. } = child.purpose() else { return None };
    let mut clusters = catalog.clusters().filter(|cluster| *cluster.key.namespace == *child.namespace);
    let cluster = clusters.find(|cluster| names::is_child_of(&child.name, name, &cluster.key))?;
    child.facts.secret.is_some().then_some(&**cluster)
}

/// The command that has an object of ours let go of what was delivered for it.
pub(super) fn let_go_of(resource: &str, name: &str, namespace: &str) -> String {
    format!("kubectl annotate {resource} {name} --namespace {namespace} --overwrite {ANNOTATION_ORPHAN}=true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::names::{ANNOTATION_APPLIED, ANNOTATION_POLICY};
    use fleetgate_plan::FluxKind;
    use serde_json::{Value, json};

    use crate::controllers::application::status::tests::catalog;

    /// The Kustomization of policy `one` for that member, which began to go so many seconds ago.
    fn going(member: &str, secret: Option<&str>, seconds: i64) -> Arc<Child> {
        let since = now() - SignedDuration::from_secs(seconds);
        let reference = secret.map(|secret| json!({"secretRef": {"name": secret}}));
        child(member, json!(since.to_string()), json!({"kubeConfig": reference}))
    }

    fn child(member: &str, since: Value, spec: Value) -> Arc<Child> {
        let object = serde_json::from_value(json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": format!("one-attachedcluster-{member}"), "namespace": "default", "uid": member,
                "deletionTimestamp": since,
                "annotations": {ANNOTATION_POLICY: "one", ANNOTATION_APPLIED: "d1"},
            },
            "spec": spec,
        }));
        Arc::new(Child::of(FluxKind::Kustomization, &object.expect("an object")))
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)
    }

    #[test]
    fn what_is_stuck_is_said_with_its_place_and_the_way_out() {
        let annotate = "kubectl annotate attachedclusters.cluster.kurator.dev m000 --namespace default --overwrite fleetgate.dev/orphan=true";
        let suspend = |member: &str| {
            format!(
                "kubectl patch kustomizations.kustomize.toolkit.fluxcd.io one-attachedcluster-{member} --namespace default \
                 --type=merge --patch '{{\"spec\":{{\"suspend\":true}}}}'"
            )
        };
        let table = [
            (going("m000", Some("m000"), 31), " from AttachedCluster/m000", annotate.to_owned()),
            // Its credentials are others by now: the cluster does not know it for its own.
            (going("m000", Some("old"), 31), " from AttachedCluster/m000", suspend("m000")),
            (going("gone", Some("gone"), 31), " from the cluster of Secret gone", suspend("gone")),
            (going("m000", None, 31), "", suspend("m000")),
        ];
        for (child, place, way_out) in table {
            let what = format!("Kustomization {}{place}", child.name);
            let stuck = Leaving::of(&[child], &catalog(1), now()).stuck.expect("it is stuck");
            assert_eq!(
                stuck.message,
                format!(
                    "waiting for Flux to remove {what}; if a cluster is gone for good, let go of what is left there: {way_out}"
                )
            );
        }
    }

    #[test]
    fn who_has_time_left_is_looked_at_again_when_it_is_over() {
        let there = child("m000", Value::Null, json!({}));
        let [early, late, over] = [5, 20, 31].map(|seconds| going("m000", Some("m000"), seconds));
        let table = [
            (vec![], false, None),
            (vec![there], false, None),
            (vec![Arc::clone(&early), Arc::clone(&late)], false, Some(11)),
            (vec![early, over], true, Some(26)),
        ];
        for (children, is_stuck, again) in table {
            let leaving = Leaving::of(&children, &catalog(1), now());
            assert_eq!((leaving.stuck.is_some(), leaving.again), (is_stuck, again.map(Duration::from_secs)));
        }
    }

    #[test]
    fn each_way_out_is_said_once() {
        let children: Vec<Arc<Child>> =
            [40, 50, 60].iter().map(|seconds| going("m000", Some("m000"), *seconds)).collect();
        let stuck = Leaving::of(&children, &catalog(1), now()).stuck.expect("they are stuck");
        assert_eq!(stuck.message.matches("kubectl").count(), 1, "{}", stuck.message);
    }
}
