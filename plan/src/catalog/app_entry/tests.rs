use super::*;
use crate::test_fixtures::{Scenario, application, names};
use serde_json::json;

fn selector(env: &str) -> serde_json::Value {
    json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}})
}

#[test]
fn an_entry_keeps_what_others_need() {
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "namespace": "web"});
    let entry = AppEntry::from(&application(json!({
        "destination": selector("test"),
        "syncPolicies": [
            {"kustomization": {"interval": "5m", "prune": true}},
            {"name": "Web", "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
            {"destination": {"fleet": "other"}, "rollout": {
                "trafficRoutingProvider": "nginx", "workload": workload, "serviceName": "front", "port": 80, "rolloutPolicy": {},
            }},
        ],
    })));
    assert_eq!(entry.key, ObjectKey::new("default", "shop"));
    let [first, second, third] = &entry.policies[..] else { panic!("{entry:?}") };
    assert_eq!((&*first.name, first.delivery), ("shop-0", Delivery::Kustomization));
    assert_eq!((&*second.child_name_base(), second.delivery), ("web", Delivery::Helm));
    assert_eq!(third.delivery, Delivery::Nothing);
    assert!(Arc::ptr_eq(&first.destination, &second.destination));
    assert_eq!(third.destination.fleet(), Some("other"));
    let RolloutEntry { workload, service } = &**third.rollout.as_ref().expect("a rollout");
    assert_eq!((&*workload.namespace, &*workload.kind, &*workload.name), ("web", "Deployment", "api"));
    assert_eq!(&**service, "front");
    assert_eq!(entry.policies_to("quickstart").count(), 2);
}

#[test]
fn a_kept_destination_resolves_as_the_placement_does() {
    let catalog = Scenario::new()
        .cluster("m1", &[("env", "test")])
        .cluster("m2", &[("env", "dev")])
        .fleet("quickstart", &["m1", "m2"])
        .catalog();
    let bad = json!({"fleet": "quickstart", "clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Near"}]}});
    for destination in [json!(null), selector("test"), json!({"fleet": "quickstart"}), json!({}), bad] {
        let app = application(json!({"destination": destination, "syncPolicies": [{}]}));
        let placement = destination::placement(&app.spec, &app.spec.sync_policies[0]);
        let kept = AppEntry::from(&app).policies[0].destination.resolve("default", &catalog);
        assert_eq!(kept, destination::resolve(placement, "default", &catalog), "{destination}");
    }
    let app = application(json!({"destination": selector("dev"), "syncPolicies": [{}]}));
    let kept = AppEntry::from(&app).policies[0].destination.resolve("default", &catalog);
    assert_eq!(names(&kept.targets), ["m2"]);
}

#[test]
fn who_was_there_first_stays() {
    let created = |name: &str, time: serde_json::Value| {
        let mut app = application(json!({"syncPolicies": [{}]}));
        app.metadata.name = Some(name.to_owned());
        app.metadata.creation_timestamp = serde_json::from_value(time).expect("a time");
        app
    };
    let (early, late) = (json!("2026-01-01T00:00:00Z"), json!("2026-01-02T00:00:00Z"));
    let table = [
        (early.clone(), late.clone(), Some(Ordering::Less)),
        (early.clone(), early, Some(Ordering::Less)),
        (late, json!(null), Some(Ordering::Less)),
        (json!(null), json!(null), None),
    ];
    for (one, two, expected) in table {
        let (a, b) = (created("a", one.clone()), created("b", two.clone()));
        assert_eq!(AppEntry::from(&a).age_beside(&b), expected, "{one} {two}");
        let back = AppEntry::from(&b).age_beside(&a);
        assert_eq!(back, expected.map(Ordering::reverse), "{two} {one}");
    }
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<PolicyEntry>() <= 40 && size_of::<AppEntry>() <= 96);
    assert!(size_of::<PolicyDestination>() <= 48);
}
