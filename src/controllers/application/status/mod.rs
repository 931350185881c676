//! What became of an Application, as its status: a pure function of the plan
//! and of what was observed.

mod clusters;
mod kurator;
mod policies;
mod size;

use fleetgate_api::{
    Application, ApplicationStatus, ConditionReason, ConditionType, HeldStatus, SourceStatus,
};
use fleetgate_plan::Plan;
use fleetgate_plan::destination::{Placement, placement};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use self::clusters::clusters;
use self::policies::policies;
use super::finalize::Left;
use super::leaving::let_go_of;
use super::observed::Observed;
use super::summary::{held, missing_references, summary, undelivered};
use crate::controllers::conditions::Summary;
use crate::flux_state::Phase;

/// The status of an Application that is there to be delivered.
pub(super) fn of(
    application: &Application,
    plan: &Plan,
    observed: &Observed,
    now: Timestamp,
) -> ApplicationStatus {
    let clusters = clusters(plan, observed);
    let ready = clusters.iter().filter(|cluster| cluster.ready).count();
    let total = clusters.len();
    let summary = summary(plan, observed, ready, total);
    let before = application.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let generation = application.metadata.generation;
    let mut conditions = summary.conditions(generation, before, now);
    let beside = [
        (ConditionType::Undelivered, undelivered(plan)),
        (ConditionType::MissingReferences, missing_references(observed)),
        (ConditionType::PruneHeld, held(observed)),
        (ConditionType::PruneStuck, observed.stuck.clone()),
    ];
    conditions.extend(
        beside
            .into_iter()
            .filter_map(|(type_, summary)| Some(summary?.condition(type_, true, generation, before, now))),
    );
    let (destinations, policies) = policies(application, plan, observed);
    size::fit(ApplicationStatus {
        observed_generation: generation,
        conditions,
        source: source(plan, observed),
        destination: Some(destination(application)),
        ready: Some(format!("{ready}/{total}")),
        destinations,
        policies,
        clusters,
        omitted_clusters: None,
        omitted_policies: None,
        held: observed.held.as_ref().map(|held| HeldStatus {
            digest: held.digest.clone(),
            count: i32::try_from(held.count).unwrap_or(i32::MAX),
        }),
        source_status: kurator::source_status(application.status.as_ref(), plan, observed, now),
        sync_status: kurator::sync_status(application.status.as_ref(), plan, observed, now).into(),
    })
}

/// The status of one that is on its way out.
pub(super) fn deleting(application: &Application, left: &Left, now: Timestamp) -> ApplicationStatus {
    let mut status = application.status.clone().unwrap_or_default();
    let waiting = size::shortened(format!("waiting for Flux to remove {}", left.children));
    let message = if left.is_stuck { format!("{waiting}; {}", way_out(application)) } else { waiting };
    status.observed_generation = application.metadata.generation;
    status.conditions = Summary::new(ConditionReason::Deleting, message).conditions(
        application.metadata.generation,
        &status.conditions,
        now,
    );
    status
}

/// What may be done about a cluster that does not come back.
fn way_out(application: &Application) -> String {
    let namespace = application.namespace().unwrap_or_default();
    let command = let_go_of("applications.apps.kurator.dev", &application.name_any(), &namespace);
    format!("if a cluster is gone for good, let go of what is left there: {command}")
}

fn source(plan: &Plan, observed: &Observed) -> Option<SourceStatus> {
    let template = plan.source.as_ref()?;
    let name = plan.owner.name.clone();
    let state = observed.state(template.kind, &name);
    let is_ready = state.phase == Phase::Ready;
    let message = (!is_ready).then_some(state.message);
    let kind = template.kind.kind().to_owned();
    Some(SourceStatus { kind, name, revision: state.revision, ready: is_ready, message })
}

/// The destination in one word: the fleet, `host`, or both.
fn destination(application: &Application) -> String {
    let spec = &application.spec;
    let mut names: Vec<&str> = spec
        .sync_policies
        .iter()
        .map(|policy| match placement(spec, policy) {
            Placement::Fleet { fleet, .. } => fleet,
            Placement::Host => "host",
            Placement::FleetMissing => "-",
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

#[cfg(test)]
pub(super) mod tests {
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
                &[
                    ("one-attachedcluster-m001", Phase::Failed),
                    ("two-attachedcluster-m001", Phase::Progressing),
                ],
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
        assert_eq!(
            said(&status),
            "DestinationNotFound 0/0 there is no Fleet \"gone\" in namespace \"default\""
        );
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
        let (plan, observed) =
            observe(&application, &catalog, &[("one-attachedcluster-m777", Phase::Failed)]);
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
}
