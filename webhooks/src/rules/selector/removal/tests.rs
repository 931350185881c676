use crate::test_fixtures::{application, catalog, git_source, kustomization, said};
use serde_json::{Value, json};

fn fleet(env: &str) -> Value {
    match env {
        "" => json!({"fleet": "quickstart"}),
        env => json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}}),
    }
}

/// An Application with that default and a policy for each destination.
fn app(default: Value, policies: &[(&str, Value)]) -> Value {
    let policy = |(name, destination): &(&str, Value)| json!({"name": name, "destination": destination, "kustomization": kustomization()});
    let policies: Vec<Value> = policies.iter().map(policy).collect();
    application("shop", json!({"source": git_source(), "destination": default, "syncPolicies": policies}))
}

fn update(from: Value, to: Value) -> Vec<String> {
    let said = said(&to, Some(&from), &catalog());
    said.into_iter().filter(|text| text.ends_with("removal]") || text.ends_with("preview]")).collect()
}

#[test]
fn what_a_policy_leaves_is_listed_with_what_it_comes_to() {
    let none: [&str; 0] = [];
    let one = |default: Value, own: Value| app(default, &[("web", own)]);
    let null = || json!(null);
    assert_eq!(update(one(null(), fleet("test")), one(null(), fleet("test"))), none);
    assert_eq!(update(one(null(), fleet("test")), one(null(), fleet(""))), none, "nothing is left");
    assert_eq!(
        update(one(null(), fleet("")), one(null(), fleet("test"))),
        ["spec.syncPolicies[0].destination: removes policy \"web\" from \"m2\" [selector/preview]"]
    );
    assert_eq!(
        update(one(null(), fleet("dev")), one(null(), fleet("test"))),
        [
            "spec.syncPolicies[0].destination: removes policy \"web\" from \"m2\", and brings it to \"m1\" [selector/preview]"
        ]
    );
    assert_eq!(
        update(one(null(), null()), one(fleet("test"), null())),
        [
            "spec.destination: removes policy \"web\" from \"host\", and brings it to \"m1\" [selector/preview]"
        ]
    );
    assert_eq!(
        update(one(fleet(""), null()), one(null(), null())),
        [
            "spec.syncPolicies[0].destination: removes policy \"web\" from \"m1\", \"m2\", and brings it to \"host\" [selector/preview]"
        ]
    );
}

#[test]
fn while_something_is_held_an_edit_removes_nothing_at_once() {
    let web = |env: &str, is_held: bool| {
        let mut object = app(json!(null), &[("web", fleet(env))]);
        if is_held {
            object["status"] = json!({"held": {"digest": "3f2a9c41d07b", "count": 3}});
        }
        object
    };
    let removes = "spec.syncPolicies[0].destination: removes policy \"web\" from \"m2\" [selector/preview]";
    let both = "where both are too much, fleetgate.dev/confirm-prune confirms both by the digest that status.held has then";
    let judged = ": nothing is removed at once, but judged with what is held (PruneHeld); ";
    let path = "spec.syncPolicies[0].destination: takes policy \"web\" from ";
    let table = [
        (web("", false), web("test", true), removes.to_owned()),
        (web("", true), web("test", false), format!("{path}\"m2\"{judged}{both} [selector/preview]")),
        (
            web("dev", true),
            web("test", true),
            format!("{path}\"m2\", and brings it to \"m1\"{judged}{both} [selector/preview]"),
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(update(from, to), [expected]);
    }
}

#[test]
fn an_edit_after_which_nothing_is_left_is_said() {
    let web = |env: &str| app(json!(null), &[("web", fleet(env))]);
    assert_eq!(
        update(web("test"), web("staging")),
        [
            "spec.syncPolicies[0].destination: leaves policy \"web\" without a cluster: what is on \"m1\" stays; \
          to have it removed, take the policy out, or confirm the removal by the digest of status.held [selector/mass-removal]"
        ]
    );
}

#[test]
fn what_is_missing_takes_nothing_away() {
    let none: [&str; 0] = [];
    let web = |fleet: &str| app(json!(null), &[("web", json!({"fleet": fleet}))]);
    assert_eq!(update(web("quickstart"), web("gone")), none);
    assert_eq!(update(web("gone"), web("quickstart")), none);
}

#[test]
fn policies_are_followed_by_name_and_said_together() {
    let both = |env: &str| app(fleet(env), &[("api", json!(null)), ("web", json!(null))]);
    assert_eq!(
        update(both(""), both("test")),
        ["spec.destination: removes policies \"api\", \"web\" from \"m2\" [selector/preview]"]
    );
    let ordered = |names: [(&str, &str); 2]| app(json!(null), &names.map(|(name, env)| (name, fleet(env))));
    let none: [&str; 0] = [];
    assert_eq!(update(ordered([("a", "test"), ("b", "dev")]), ordered([("b", "dev"), ("a", "test")])), none);
    assert_eq!(
        update(ordered([("a", "test"), ("b", "dev")]), app(json!(null), &[("a", fleet("test"))])),
        none,
        "a policy that is taken out is no surprise"
    );
}
