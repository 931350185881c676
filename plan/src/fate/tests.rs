//! What becomes of children that exist, by what was edited and by what is missing.

use super::*;
use crate::Catalog;
use crate::test_fixtures::{Scenario, application};
use serde_json::{Value, json};

const M2: &str = "web-attachedcluster-m2";

fn spec(selector: Value, extra: Value) -> Value {
    let mut policy = json!({
        "name": "web", "destination": {"fleet": "quickstart", "clusterSelector": selector},
        "kustomization": {"interval": "5m", "prune": true},
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        policy[key] = value.clone();
    }
    json!({"source": {"gitRepository": {"url": "https://e.com", "interval": "5m"}}, "syncPolicies": [policy]})
}

fn fleet() -> Scenario {
    Scenario::new().cluster("m1", &[("env", "test")]).cluster("m2", &[("env", "dev")])
}

/// What tells the destination of `web` in a spec.
fn destination(spec: &Value) -> String {
    Plan::of(&application(spec.clone()), &Catalog::default()).policies[0].destination.clone()
}

/// What becomes of the child for `m2`, of that of a policy that is gone, and
/// of the source; the child was made for the destination of `before`.
fn fates(before: &Value, after: Value, scenario: Scenario) -> [Fate; 3] {
    fates_by(&Plan::of(&application(after), &scenario.catalog()), before)
}

fn fates_by(plan: &Plan, before: &Value) -> [Fate; 3] {
    let fates = Fates::of(plan, &[]);
    let destination = destination(before);
    let made_for = |name| Purpose::Policy { name, destination: Some(&destination) };
    [
        fates.look_up(FluxKind::Kustomization, M2, made_for("web")),
        fates.look_up(FluxKind::Kustomization, "old-attachedcluster-m1", made_for("old")),
        fates.look_up(FluxKind::GitRepository, "shop", Purpose::Source),
    ]
}

fn both(scenario: Scenario) -> Scenario {
    scenario.fleet("quickstart", &["m1", "m2"])
}

#[test]
fn what_nobody_edited_is_lost_or_held_and_never_removed() {
    use Fate::{Held, Lost, Planned, Removed};
    let all = || spec(json!(null), json!({}));
    let by = |env: &str| spec(json!({"matchLabels": {"env": env}}), json!({}));
    let unreadable = spec(json!({"matchExpressions": [{"key": "env", "operator": "in"}]}), json!({}));
    let rollout = spec(
        json!(null),
        json!({"rollout": {
            "port": 80, "serviceName": "s", "trafficRoutingProvider": "istio", "workload": {"name": "w"}, "rolloutPolicy": {},
        }}),
    );
    let mut other_source = all();
    other_source["source"] = json!({"ociRepository": {"url": "oci://e.com/a", "interval": "5m"}});
    let mut no_source = all();
    no_source["source"] = json!({});
    let table = [
        ("both belong", all(), both(fleet()), [Planned, Removed, Planned]),
        ("m2 left the Fleet", all(), fleet().fleet("quickstart", &["m1"]), [Lost, Removed, Planned]),
        ("m2 has another label", by("test"), both(fleet()), [Lost, Removed, Planned]),
        ("the selector finds nobody", by("prod"), both(fleet()), [Lost, Removed, Planned]),
        ("the selector cannot be read", unreadable, both(fleet()), [Held, Removed, Planned]),
        ("the Fleet does not exist", all(), fleet(), [Lost, Removed, Planned]),
        ("the Fleet is empty", all(), fleet().fleet("quickstart", &[]), [Lost, Removed, Planned]),
        ("m2 does not exist", all(), both(Scenario::new().cluster("m1", &[])), [Held, Removed, Planned]),
        (
            "m2 has no kubeconfig",
            all(),
            both(Scenario::new().cluster("m1", &[]).cluster_without_kubeconfig("m2")),
            [Held, Removed, Planned],
        ),
        (
            "the Fleet cannot be read",
            all(),
            fleet().fleet_of_kind("quickstart", "m1", "Nonsense"),
            [Held, Removed, Planned],
        ),
        ("a rollout is added", rollout, both(fleet()), [Planned, Removed, Planned]),
        ("another source", other_source, both(fleet()), [Planned, Removed, Removed]),
        ("no source", no_source, both(fleet()), [Held, Removed, Held]),
    ];
    for (what, spec, scenario, expected) in table {
        assert_eq!(fates(&spec.clone(), spec, scenario), expected, "{what}");
    }
}

/// While something is held, only what is replaced where it is goes by an edit.
#[test]
fn what_was_moved_on_purpose_is_removed_unless_it_goes_nowhere_or_something_is_held() {
    use Fate::{Held, Lost, Removed};
    let before = spec(json!(null), json!({}));
    let by = |env: &str| spec(json!({"matchLabels": {"env": env}}), json!({}));
    let mut to_the_host = before.clone();
    to_the_host["syncPolicies"][0]["destination"] = json!(null);
    let mut a_chart = before.clone();
    a_chart["syncPolicies"][0]["kustomization"] = json!(null);
    a_chart["syncPolicies"][0]["helm"] = json!({"interval": "5m"});
    let mut a_chart_for_others = a_chart.clone();
    a_chart_for_others["syncPolicies"][0]["destination"] =
        by("test")["syncPolicies"][0]["destination"].clone();
    let mut elsewhere = before.clone();
    elsewhere["syncPolicies"][0]["destination"]["fleet"] = json!("other");
    let other = |scenario: Scenario| both(scenario).fleet("other", &["m1"]);
    let missing = |scenario: Scenario| scenario.fleet("other", &["m1", "m2"]);
    let table = [
        ("a narrower selector", by("test"), both(fleet()), [Removed, Lost]),
        ("a selector that finds nobody", by("prod"), both(fleet()), [Lost, Lost]),
        ("the host", to_the_host, both(fleet()), [Removed, Lost]),
        ("a chart instead", a_chart.clone(), both(fleet()), [Removed, Removed]),
        ("a chart instead, for others", a_chart_for_others, both(fleet()), [Removed, Lost]),
        ("a chart instead, and nowhere to go", a_chart, fleet().fleet("quickstart", &[]), [Lost, Lost]),
        ("another Fleet", elsewhere.clone(), other(fleet()), [Removed, Lost]),
        ("another Fleet, which does not exist", elsewhere.clone(), both(fleet()), [Lost, Lost]),
        (
            "another Fleet, of which no cluster has a kubeconfig",
            elsewhere.clone(),
            both(fleet()).cluster_without_kubeconfig("m3").fleet("other", &["m3"]),
            [Lost, Lost],
        ),
        (
            "another Fleet, of a missing m2",
            elsewhere,
            missing(Scenario::new().cluster("m1", &[])),
            [Held, Held],
        ),
    ];
    for (what, after, scenario, expected) in table {
        let plan = Plan::of(&application(after), &scenario.catalog());
        let seen = [false, true].map(|is_held| fates_by(&Plan { is_held, ..plan.clone() }, &before)[0]);
        assert_eq!(seen, expected, "{what}");
    }
}

#[test]
fn what_does_not_say_where_it_was_meant_to_go_was_not_moved() {
    let spec = spec(json!({"matchLabels": {"env": "test"}}), json!({}));
    let plan = Plan::of(&application(spec), &both(fleet()).catalog());
    let purpose = Purpose::Policy { name: "web", destination: None };
    assert_eq!(Fates::of(&plan, &[]).look_up(FluxKind::Kustomization, M2, purpose), Fate::Lost);
}

#[test]
fn what_somebody_else_made_is_lost_unless_it_is_planned() {
    let spec = spec(json!(null), json!({}));
    let plan = Plan::of(&application(spec), &fleet().fleet("quickstart", &["m1", "m2", "m4"]).catalog());
    let fates = Fates::of(&plan, &[]);
    let table = [
        (FluxKind::Kustomization, M2, Fate::Planned),
        (FluxKind::Kustomization, "web-attachedcluster-m3", Fate::Lost),
        (FluxKind::Kustomization, "web-attachedcluster-m4", Fate::Held),
        (FluxKind::GitRepository, "shop", Fate::Planned),
        (FluxKind::OciRepository, "shop", Fate::Lost),
    ];
    for (kind, name, expected) in table {
        assert_eq!(fates.look_up(kind, name, Purpose::Unknown), expected, "{kind:?} {name}");
    }
}
