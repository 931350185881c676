use super::{Placement, placement, resolve};
use crate::test_fixtures::{Scenario, application, destination, names, source};
use crate::{AppEntry, Plan};
use kube::core::Selector;
use serde_json::json;

#[test]
fn precedence() {
    let default = json!({"fleet": "a", "clusterSelector": {"matchLabels": {"env": "test"}}});
    // (spec.destination, the policy's destination, what holds)
    let table = [
        (json!(null), json!(null), "host"),
        (default.clone(), json!(null), "a env=test inherited"),
        (default.clone(), json!({"fleet": "b"}), "b"),
        (default.clone(), json!({"fleet": "a"}), "a"),
        (default.clone(), json!({}), "a"),
        (default, json!({"clusterSelector": {"matchLabels": {"env": "dev"}}}), "a env=dev"),
        (json!(null), json!({"fleet": ""}), "missing"),
        (json!({}), json!(null), "missing"),
    ];
    for (spec, policy, expected) in table {
        let app = application(json!({"destination": spec, "syncPolicies": [{"destination": policy}]}));
        let seen = match placement(&app.spec, &app.spec.sync_policies[0]) {
            Placement::Host => "host".to_owned(),
            Placement::FleetMissing => "missing".to_owned(),
            Placement::Fleet { fleet, selector, inherited } => {
                let selector = selector.map_or(String::new(), |selector| {
                    format!(" {}", Selector::try_from(selector.clone()).expect("selector"))
                });
                format!("{fleet}{selector}{}", if inherited { " inherited" } else { "" })
            }
        };
        assert_eq!(seen, expected, "{spec} {policy}");
    }
}

#[test]
fn selectors_choose_among_the_fleets_members() {
    let catalog = Scenario::new()
        .cluster("m1", &[("env", "test"), ("tier", "1")])
        .cluster("m2", &[("env", "dev")])
        .cluster("m3", &[])
        .cluster("stranger", &[("env", "test")])
        .fleet("quickstart", &["m1", "m2", "m3", "gone"])
        .catalog();
    let table: [(serde_json::Value, &[&str]); 9] = [
        (json!(null), &["m1", "m2", "m3"]),
        (json!({}), &["m1", "m2", "m3"]),
        (json!({"matchLabels": {"env": "test"}}), &["m1"]),
        (
            json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test", "dev"]}]}),
            &["m1", "m2"],
        ),
        (
            json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["test"]}]}),
            &["m2", "m3"],
        ),
        (json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]}), &["m1", "m2"]),
        (json!({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}), &["m3"]),
        (
            json!({"matchLabels": {"env": "test"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["2"]}]}),
            &[],
        ),
        (json!({"matchExpressions": [{"key": "env", "operator": "Near", "values": ["x"]}]}), &[]),
    ];
    for (selector, expected) in table {
        let destination = destination(json!({"fleet": "quickstart", "clusterSelector": selector}));
        let placement = Placement::Fleet {
            fleet: "quickstart",
            selector: destination.cluster_selector.as_ref(),
            inherited: false,
        };
        let resolution = resolve(placement, "default", &catalog);
        assert_eq!(names(&resolution.targets), expected, "{selector}");
        assert_eq!(resolution.missing_clusters[0].name, "gone");
    }
}

#[test]
fn a_fleet_of_another_namespace_is_missing() {
    let catalog = Scenario::new().fleet("quickstart", &[]).catalog();
    let placement = Placement::Fleet { fleet: "quickstart", selector: None, inherited: false };
    let resolution = resolve(placement, "other", &catalog);
    assert_eq!(resolution.missing_fleet.as_deref(), Some("quickstart"));
}

#[test]
fn a_fleet_of_more_than_a_name_is_missing_and_takes_little_however_often_it_is_asked_for() {
    let head = "f".repeat(253);
    let catalog = Scenario::new().cluster("m1", &[]).fleet(&head, &["m1"]).catalog();
    let long = format!("{head}{}", "g".repeat(100_000));
    let policies: Vec<_> = (0..100)
        .map(|index| {
            json!({"destination": {"clusterSelector": {"matchLabels": {"env": format!("e{index}")}}}})
        })
        .collect();
    for fleet in [long, format!("{}{}", "f".repeat(252), "é".repeat(50_000))] {
        let app = application(json!({"destination": {"fleet": fleet}, "syncPolicies": policies}));
        let plan = Plan::of(&app, &catalog);
        let missing = plan.policies.iter().map(|policy| policy.resolution.missing_fleet.as_deref());
        assert!(missing.clone().all(|fleet| fleet.is_some()), "what it begins with is another Fleet's name");
        assert!(missing.flatten().map(str::len).sum::<usize>() < 30_000);
        let entry = AppEntry::from(&app);
        let kept = entry.policies.iter().filter_map(|policy| policy.destination.fleet());
        assert!(kept.map(str::len).sum::<usize>() < 30_000);
    }
}

#[test]
fn policies_of_an_application_with_more_than_a_name_have_little_of_it() {
    let mut app =
        application(json!({"source": source("gitRepository"), "syncPolicies": vec![json!({}); 100]}));
    app.metadata.name = Some("n".repeat(100_000));
    let plan = Plan::of(&app, &Scenario::new().catalog());
    assert!(plan.policies.iter().map(|policy| policy.name.len()).sum::<usize>() < 30_000);
    assert!(AppEntry::from(&app).policies.iter().map(|policy| policy.name.len()).sum::<usize>() < 30_000);
}
