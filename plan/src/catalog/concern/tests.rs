use super::*;
use crate::test_fixtures::{application, cluster, fleet};
use crate::{ClusterKind, Plan};
use fleetgate_api::{Application, Fleet};
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

const CLUSTERS: [&str; 4] = ["m0", "m1", "m2", "m3"];
const FLEETS: [&str; 2] = ["f", "g"];
const APPLICATIONS: [&str; 3] = ["a", "b", "c"];

/// A thing that is put into the Catalog, or taken out.
#[derive(Clone, Debug)]
enum Step {
    Cluster(&'static str, Option<Cluster>),
    Fleet(&'static str, Option<Box<Fleet>>),
    Application(&'static str, Option<Box<Application>>),
}

impl Step {
    fn take(self, catalog: &mut Catalog) -> Option<Change> {
        match self {
            Self::Cluster(_, Some(cluster)) => catalog.insert_cluster(cluster),
            Self::Cluster(name, None) => catalog.remove_cluster(&cluster(name, &[]).key),
            Self::Fleet(_, Some(fleet)) => catalog.insert_fleet(fleet.as_ref()),
            Self::Fleet(name, None) => catalog.remove_fleet(&ObjectKey::new("default", name)),
            Self::Application(_, Some(application)) => catalog.insert_application(&application),
            Self::Application(name, None) => catalog.remove_application(&ObjectKey::new("default", name)),
        }
    }
}

fn env() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["dev", "test"])
}

fn some_cluster() -> impl Strategy<Value = Step> {
    let name = prop::sample::select(CLUSTERS.to_vec());
    (name, prop::option::weighted(0.8, (env(), any::<bool>()))).prop_map(|(name, state)| {
        let state = state.map(|(env, has_kubeconfig)| {
            let cluster = cluster(name, &[("env", env)]);
            Cluster { kubeconfig: cluster.kubeconfig.filter(|_| has_kubeconfig), ..cluster }
        });
        Step::Cluster(name, state)
    })
}

fn some_fleet() -> impl Strategy<Value = Step> {
    let listed = (subsequence(CLUSTERS.to_vec(), 0..=4)).prop_shuffle();
    let name = prop::sample::select(FLEETS.to_vec());
    let flagger = prop::option::of(prop::sample::select(vec!["nginx", "istio"]));
    let parts = (listed, prop::option::of(env()), prop::bool::weighted(0.1), flagger);
    (name, prop::option::weighted(0.8, parts)).prop_map(|(name, parts)| {
        let state = parts.map(|(listed, env, is_faulty, flagger)| {
            let mut fleet = fleet(name, &listed);
            let spec = &mut fleet.spec;
            spec.cluster_selector = env
                .map(|env| serde_json::from_value(json!({"matchLabels": {"env": env}})).expect("a selector"));
            spec.plugin = flagger.map(|provider| {
                let plugin = json!({"flagger": {"trafficRoutingProvider": provider}});
                serde_json::from_value(plugin).expect("a plugin")
            });
            if is_faulty {
                spec.clusters.get_or_insert_default().push(fleetgate_api::ClusterReference::default());
            }
            Box::new(fleet)
        });
        Step::Fleet(name, state)
    })
}

fn some_policy() -> impl Strategy<Value = Value> {
    let selector = prop_oneof![
        Just(json!(null)),
        env().prop_map(|env| json!({"matchLabels": {"env": env}})),
        Just(json!({"matchExpressions": [{"key": "env", "operator": "Near"}]})),
    ];
    let fleet = prop::option::weighted(0.9, prop::sample::select(FLEETS.to_vec()));
    (fleet, selector, any::<bool>()).prop_map(|(fleet, selector, is_rolled_out)| {
        let destination = fleet.map(|fleet| json!({"fleet": fleet, "clusterSelector": selector}));
        let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "namespace": "web"});
        let rollout = json!({
            "trafficRoutingProvider": "nginx", "workload": workload, "serviceName": "front", "port": 80, "rolloutPolicy": {},
        });
        let rollout = if is_rolled_out { rollout } else { json!(null) };
        json!({"destination": destination, "kustomization": {"interval": "5m", "prune": true}, "rollout": rollout})
    })
}

fn some_application() -> impl Strategy<Value = Step> {
    let name = prop::sample::select(APPLICATIONS.to_vec());
    (name, prop::option::weighted(0.8, prop::collection::vec(some_policy(), 1..3))).prop_map(
        |(name, policies)| {
            let state = policies.map(|policies| {
                let source = json!({"gitRepository": {"url": "https://e.com/r", "interval": "3m"}});
                let mut application = application(json!({"source": source, "syncPolicies": policies}));
                application.metadata.name = Some(name.to_owned());
                Box::new(application)
            });
            Step::Application(name, state)
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(prop_oneof![3 => some_cluster(), 3 => some_fleet(), 2 => some_application()], 5..40)
}

fn values() -> impl Strategy<Value = Vec<i32>> {
    prop::collection::vec(0..4, 0..8)
}

/// Whether a policy of the Application goes elsewhere than before, or to a Fleet
/// of which its rollout may say something else.
fn has_another_meaning(entry: &AppEntry, before: &Catalog, after: &Catalog) -> bool {
    let flagger =
        |catalog: &Catalog, fleet: &str| catalog.fleet("default", fleet).map(|fleet| fleet.flagger.clone());
    entry.policies.iter().any(|policy| {
        let resolve = |catalog: &Catalog| policy.destination.resolve("default", catalog);
        let fleet = policy.destination.fleet().filter(|_| policy.rollout.is_some());
        resolve(before) != resolve(after)
            || fleet.is_some_and(|fleet| flagger(before, fleet) != flagger(after, fleet))
    })
}

/// Everything that the Application of that step becomes.
fn objects(application: &Application, catalog: &Catalog) -> Vec<Value> {
    let plan = Plan::of(application, catalog);
    plan.objects().map(|(_, object)| serde_json::to_value(object).expect("JSON")).collect()
}

proptest! {
    /// Of a Fleet or a cluster exactly those are concerned who have something
    /// else to do, and nobody is missed whose objects become others.
    #[test]
    fn exactly_those_who_mean_something_else(steps in steps()) {
        let mut catalog = Catalog::default();
        let mut stored = std::collections::BTreeMap::new();
        for step in steps {
            if let Step::Application(name, state) = &step {
                stored.insert(*name, state.clone());
            }
            let before = catalog.clone();
            let Some(change) = step.take(&mut catalog) else {
                prop_assert!(catalog.is_same(&before));
                continue;
            };
            let concerned = catalog.applications_concerned(&change);
            for application in stored.values().flatten() {
                let key = AppEntry::from(&**application).key;
                let is_other = objects(application, &before) != objects(application, &catalog);
                prop_assert!(!is_other || concerned.contains(&key), "{key:?} is missed by {change:?}");
            }
            if matches!(change, Change::Application(_)) {
                continue;
            }
            let expected: BTreeSet<ObjectKey> = catalog
                .applications("default")
                .filter(|entry| has_another_meaning(entry, &before, &catalog))
                .map(|entry| entry.key.clone())
                .collect();
            prop_assert_eq!(concerned, expected, "{:?}", change);
        }
    }

    /// The index by Fleet is what a look through all Applications finds.
    #[test]
    fn the_users_of_a_fleet_are_those_who_name_it(steps in steps()) {
        let mut catalog = Catalog::default();
        for step in steps {
            step.take(&mut catalog);
            for fleet in FLEETS {
                let found: Vec<_> = catalog.applications_of_fleet("default", fleet).collect();
                let naming: Vec<_> = catalog
                    .applications("default")
                    .filter(|entry| entry.policies_to(fleet).next().is_some())
                    .collect();
                prop_assert_eq!(found, naming);
            }
        }
    }

    /// A common beginning and end never decide what is chosen.
    #[test]
    fn what_is_unlike_decides(one in values(), other in values(), chosen in 0..4) {
        let of = |list: &[i32]| list.iter().copied().filter(|value| *value != chosen).collect::<Vec<_>>();
        let (left, right) = unlike(one.clone(), other.clone());
        prop_assert_eq!(of(&one) == of(&other), of(&left) == of(&right));
    }
}

#[test]
fn a_fleet_is_concerned_by_its_clusters() {
    let mut catalog = Catalog::default();
    catalog.insert_fleet(&fleet("f", &["m1", "m2"]));
    catalog.insert_fleet(&fleet("g", &["m2"]));
    let mut names = |step: Step| {
        let change = step.take(&mut catalog).expect("a change");
        let fleets = catalog.fleets_concerned(&change);
        fleets.into_iter().map(|key| key.name).collect::<Vec<_>>().join(" ")
    };
    let kinds = |kind: ClusterKind| {
        let mut cluster = cluster("m1", &[]);
        cluster.key.kind = kind;
        cluster
    };
    assert_eq!(names(Step::Cluster("m1", Some(cluster("m1", &[])))), "f");
    assert_eq!(names(Step::Cluster("m2", Some(cluster("m2", &[])))), "f g");
    assert_eq!(names(Step::Cluster("m3", Some(cluster("m3", &[])))), "");
    assert_eq!(names(Step::Cluster("m1", Some(kinds(ClusterKind::CustomCluster)))), "");
    assert_eq!(names(Step::Cluster("m2", None)), "f g");
    assert_eq!(names(Step::Fleet("g", None)), "g");
}

#[test]
fn namespaces_and_crds_concern_those_who_have_to_do_with_them() {
    let mut catalog = Catalog::default();
    let app = |namespace: &str, name: &str, source: Value, policy: Value| {
        let mut application = application(json!({"source": source, "syncPolicies": [policy]}));
        application.metadata.namespace = Some(namespace.to_owned());
        application.metadata.name = Some(name.to_owned());
        application
    };
    let git = json!({"gitRepository": {"url": "https://e.com/r", "interval": "3m"}});
    let helm = json!({"helmRepository": {"url": "https://e.com/r", "interval": "3m"}});
    let kustomized = json!({"kustomization": {"interval": "5m", "prune": true}});
    let released = json!({"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}});
    catalog.insert_application(&app("one", "a", git.clone(), kustomized));
    catalog.insert_application(&app("one", "b", git, released.clone()));
    catalog.insert_application(&app("two", "c", helm, released));
    let crd = |kind| Change::Crd(RenderedKind::Flux(kind));
    let table = [
        (Change::Namespace("one".to_owned()), "a b"),
        (Change::Namespace("three".to_owned()), ""),
        (crd(FluxKind::GitRepository), "a b"),
        (crd(FluxKind::HelmRepository), "c"),
        (crd(FluxKind::HelmRelease), "b c"),
        (crd(FluxKind::Kustomization), "a"),
        (crd(FluxKind::Bucket), ""),
    ];
    for (change, expected) in table {
        let concerned = catalog.applications_concerned(&change);
        let names: Vec<_> = concerned.into_iter().map(|key| key.name).collect();
        assert_eq!(names.join(" "), expected, "{change:?}");
    }
}
