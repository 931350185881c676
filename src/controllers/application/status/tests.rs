//! What is said of an Application, for the states that its children may be in.

use super::*;
use crate::flux_state::State;
use fleetgate_api::{AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::credentials::{self, Credentials};
use fleetgate_webhooks::{Kind, judge};
use serde_json::{Value, json};

pub(in crate::controllers::application) fn catalog(clusters: usize) -> Catalog {
    let mut catalog = Catalog::default();
    let names: Vec<String> = (0..clusters).map(|number| format!("m{number:03}")).collect();
    for name in &names {
        let cluster: AttachedCluster = serde_json::from_value(json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"kubeconfig": {"name": name}},
        }))
        .expect("a cluster");
        catalog.insert_cluster(Cluster::from(&cluster));
    }
    let members: Vec<Value> =
        names.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
    let fleet: Fleet = serde_json::from_value(json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": members},
    }))
    .expect("a Fleet");
    catalog.insert_fleet(&fleet);
    catalog
}

pub(super) fn application(fleet: &str) -> Application {
    let policy = |name: &str| json!({"name": name, "kustomization": {"interval": "5m", "prune": true}});
    serde_json::from_value(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "default", "generation": 3},
        "spec": {
            "source": {"gitRepository": {"url": "https://e.com/r", "interval": "5m"}},
            "destination": {"fleet": fleet},
            "syncPolicies": [policy("one"), policy("two")],
        },
    }))
    .expect("an Application")
}

/// Everything ready but what `change` says.
pub(super) fn observe(
    application: &Application,
    catalog: &Catalog,
    change: &[(&str, Phase)],
) -> (Plan, Observed) {
    let plan = Plan::of(application, catalog);
    let mut observed = Observed::default();
    for (kind, object) in plan.objects() {
        let name = object.metadata.name.unwrap_or_default();
        let phase =
            change.iter().find(|(changed, _)| *changed == name).map_or(Phase::Ready, |(_, phase)| *phase);
        let state = State { phase, message: format!("{phase:?}"), ..State::absent() };
        observed.states.insert((kind, name), state);
    }
    (plan, observed)
}

fn said(status: &ApplicationStatus) -> String {
    let ready = &status.conditions[0];
    format!("{} {} {}", ready.reason, status.ready.as_deref().unwrap_or_default(), ready.message)
}

#[test]
fn the_most_urgent_thing_is_said() {
    let table: [(&[(&str, Phase)], &str); 5] = [
        (&[], "Succeeded 2/2 2/2 clusters ready"),
        (&[("one-attachedcluster-m001", Phase::Progressing)], "Progressing 1/2 1/2 clusters ready"),
        (
            &[("one-attachedcluster-m001", Phase::Failed), ("two-attachedcluster-m001", Phase::Progressing)],
            "DeliveryFailed 1/2 Kustomization one-attachedcluster-m001: Failed",
        ),
        (
            &[("shop", Phase::Failed), ("one-attachedcluster-m001", Phase::Failed)],
            "SourceFailed 1/2 GitRepository shop: Failed",
        ),
        (
            &[("shop", Phase::Progressing)],
            "Progressing 2/2 waiting for the source: GitRepository shop: Progressing",
        ),
    ];
    for (change, expected) in table {
        let (application, catalog) = (application("quickstart"), catalog(2));
        let (plan, observed) = observe(&application, &catalog, change);
        assert_eq!(said(&of(&application, &plan, &observed, Timestamp::UNIX_EPOCH)), expected);
    }
}

#[test]
fn what_is_suspended_is_said_and_is_no_failure() {
    let table: [(&str, Phase, &str); 3] = [
        (
            "one-attachedcluster-m001",
            Phase::Ready,
            "Succeeded 2/2 2/2 clusters ready; suspended: Kustomization one-attachedcluster-m001",
        ),
        (
            "one-attachedcluster-m001",
            Phase::Progressing,
            "Progressing 1/2 1/2 clusters ready; suspended: Kustomization one-attachedcluster-m001",
        ),
        (
            "shop",
            Phase::Progressing,
            "Progressing 2/2 waiting for the source: GitRepository shop: Progressing; suspended: GitRepository shop",
        ),
    ];
    for (name, phase, expected) in table {
        let (application, catalog) = (application("quickstart"), catalog(2));
        let (plan, mut observed) = observe(&application, &catalog, &[(name, phase)]);
        for ((_, state_of), state) in &mut observed.states {
            state.suspended = state_of == name;
        }
        assert_eq!(said(&of(&application, &plan, &observed, Timestamp::UNIX_EPOCH)), expected);
    }
}

#[test]
fn what_is_missing_comes_before_what_is_ready() {
    let (application, catalog) = (application("gone"), catalog(2));
    let (plan, observed) = observe(&application, &catalog, &[]);
    let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    assert_eq!(said(&status), "DestinationNotFound 0/0 there is no Fleet \"gone\" in namespace \"default\"");
}

#[test]
fn an_application_that_passed_no_gate_says_what_is_wrong() {
    let (mut application, catalog) = (application("quickstart"), catalog(2));
    application.spec.sync_policies.clear();
    let (plan, mut observed) = observe(&application, &catalog, &[]);
    let object = serde_json::to_value(&application).expect("JSON");
    observed.findings = judge(Kind::Application, object.clone(), None, &catalog).findings;
    let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    assert!(
        said(&status).starts_with("InvalidSpec 0/0 spec.syncPolicies: Required value"),
        "{}",
        said(&status)
    );
}

#[test]
fn what_the_host_lacks_is_a_warning_beside_ready() {
    let (mut application, catalog) = (application("quickstart"), catalog(2));
    application.spec.source.git_repository.as_mut().expect("git").secret_ref =
        Some(serde_json::from_value(json!({"name": "gone"})).expect("a reference"));
    let (plan, mut observed) = observe(&application, &catalog, &[]);
    let object = serde_json::to_value(&application).expect("JSON");
    observed.missing = credentials::check(Kind::Application, &object, &Credentials::default().complete());
    let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    assert!(said(&status).starts_with("Succeeded 2/2"), "{}", said(&status));
    let [_, missing] = &status.conditions[..] else { panic!("{:?}", status.conditions) };
    assert_eq!(
        [&missing.type_, &missing.status, &missing.reason],
        ["MissingReferences", "True", "ReferenceNotFound"]
    );
    assert_eq!(
        missing.message,
        "spec.source.gitRepository.secretRef: Not found: \"gone\": names a Secret that does not exist in namespace \"default\" \
         [ref/secret]"
    );
    application.status = Some(status.clone());
    assert_eq!(of(&application, &plan, &observed, Timestamp::now()), status, "it is written once");
    observed.missing.clear();
    assert_eq!(of(&application, &plan, &observed, Timestamp::now()).conditions.len(), 1);
}

#[test]
fn what_does_not_go_is_a_warning_beside_ready() {
    let (application, catalog) = (application("quickstart"), catalog(2));
    let (plan, mut observed) = observe(&application, &catalog, &[]);
    observed.stuck = Some(Summary::new(ConditionReason::Deleting, "waiting for Flux to remove it"));
    let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    assert!(said(&status).starts_with("Succeeded 2/2"), "{}", said(&status));
    let [_, stuck] = &status.conditions[..] else { panic!("{:?}", status.conditions) };
    assert_eq!([&stuck.type_, &stuck.status, &stuck.reason], ["PruneStuck", "True", "Deleting"]);
}

#[test]
fn a_thousand_clusters_show_those_in_trouble() {
    let (application, catalog) = (application("quickstart"), catalog(1_000));
    let (plan, observed) = observe(&application, &catalog, &[("one-attachedcluster-m777", Phase::Failed)]);
    let status = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    assert_eq!(status.ready.as_deref(), Some("999/1000"));
    assert_eq!((status.clusters.len(), status.omitted_clusters), (50, Some(950)));
    assert_eq!((status.clusters[0].name.as_str(), status.clusters[0].ready), ("m777", false));
}

#[test]
fn nothing_new_gives_the_same_status() {
    let (mut application, catalog) = (application("quickstart"), catalog(2));
    let (plan, observed) = observe(&application, &catalog, &[]);
    let first = of(&application, &plan, &observed, Timestamp::UNIX_EPOCH);
    application.status = Some(first.clone());
    assert_eq!(of(&application, &plan, &observed, Timestamp::now()), first);
}
