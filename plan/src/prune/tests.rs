//! What goes and what is held, by plans and children.

use super::*;
use crate::test_fixtures::{Scenario, application, cluster, source};
use crate::{Catalog, Cluster};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The names of policies, and the environment that each selects.
type Policies = [(&'static str, &'static str)];

fn plan(policies: &Policies, catalog: &Catalog) -> Plan {
    let policy = |(name, env): &(&str, &str)| {
        let selector = json!({"matchLabels": {"env": env}});
        json!({
            "name": name, "destination": {"fleet": "f", "clusterSelector": selector},
            "kustomization": {"interval": "5m", "prune": true},
        })
    };
    let policies: Vec<Value> = policies.iter().map(policy).collect();
    Plan::of(&application(json!({"source": source("gitRepository"), "syncPolicies": policies})), catalog)
}

/// The Fleet `f` of so many clusters, of which the first ones have `env=test`.
fn catalog(clusters: usize, test: usize) -> Catalog {
    let names: Vec<String> = (0..clusters).map(|number| format!("m{number}")).collect();
    let with = |scenario: Scenario, (number, name): (usize, &String)| {
        let env = if number < test { "test" } else { "dev" };
        scenario.cluster(name, &[("env", env)])
    };
    let scenario = names.iter().enumerate().fold(Scenario::new(), with);
    scenario.fleet("f", &names.iter().map(String::as_str).collect::<Vec<_>>()).catalog()
}

/// The objects of a plan, as those that exist, with what they say of themselves.
struct Children(Vec<(FluxKind, String, BTreeMap<String, String>)>);

impl Children {
    fn of(plan: &Plan) -> Self {
        let said = |(kind, object): (FluxKind, kube::core::DynamicObject)| {
            (kind, object.name_any(), object.annotations().clone())
        };
        Self(plan.objects().map(said).collect())
    }

    fn existing(&self) -> impl Iterator<Item = Existing<'_>> {
        self.0.iter().map(|(kind, name, annotations)| {
            let purpose = Purpose::new(*kind, |name| annotations.get(name).map(String::as_str));
            Existing { kind: *kind, name, uid: name, purpose }
        })
    }
}

/// `2 removed, 1 lost, web 3/5 held`, or `gone web 3/5 held` of one that is not in the spec.
fn said(verdict: &Verdict<'_>) -> String {
    let held = verdict.held.iter().map(|Holding { policy, children, of, is_gone }| {
        let gone = if *is_gone { "gone " } else { "" };
        format!(", {gone}{} {}/{of} held", policy.unwrap_or("-"), children.len())
    });
    let held: String = held.collect();
    format!("{} removed, {} lost{held}", verdict.removed.len(), verdict.lost.len())
}

#[test]
fn a_policy_may_lose_a_part_and_not_all_or_most_of_many() {
    let one = [("web", "test")];
    let two = [("api", "test"), ("web", "dev")];
    // (policies, clusters, of them with env=test before, and after, what is said)
    let table: [(&Policies, usize, usize, usize, &str); 8] = [
        (&one, 4, 4, 4, "0 removed, 0 lost"),
        (&one, 4, 4, 1, "0 removed, 3 lost"),
        (&one, 4, 4, 0, "0 removed, 0 lost, web 4/4 held"),
        (&one, 5, 5, 3, "0 removed, 2 lost"),
        (&one, 5, 5, 2, "0 removed, 0 lost, web 3/5 held"),
        (&one, 1, 1, 0, "0 removed, 0 lost, web 1/1 held"),
        (&two, 6, 6, 1, "0 removed, 0 lost, api 5/6 held"),
        (&two, 6, 1, 6, "0 removed, 0 lost, web 5/5 held"),
    ];
    for (policies, clusters, before, after, expected) in table {
        let children = Children::of(&plan(policies, &catalog(clusters, before)));
        let now = plan(policies, &catalog(clusters, after));
        let verdict = judge(&now, children.existing(), Guard::default());
        assert_eq!(said(&verdict), expected, "{policies:?} {clusters} {before} {after}");
        assert_eq!(verdict.digest().is_some(), expected.contains("held"));
    }
}

#[test]
fn what_was_edited_goes_at_once_however_much_it_is() {
    let catalog = catalog(9, 8);
    let children = Children::of(&plan(&[("web", "test")], &catalog));
    let table = [
        ("moved", vec![("web", "dev")], "8 removed, 0 lost"),
        ("taken out", vec![], "8 removed, 0 lost"),
        ("moved to nobody", vec![("web", "prod")], "0 removed, 0 lost, web 8/8 held"),
    ];
    for (what, policies, expected) in table {
        let now = plan(&policies, &catalog);
        assert_eq!(said(&judge(&now, children.existing(), Guard::default())), expected, "{what}");
    }
}

/// Three of five clusters have lost their label, or four of those that an edit leaves out have not.
#[test]
fn what_is_held_waits_for_its_word_whatever_is_edited() {
    let children = Children::of(&plan(&[("web", "test")], &catalog(5, 5)));
    let chart = |catalog: &Catalog| {
        let policy = json!({
            "name": "web", "destination": {"fleet": "f", "clusterSelector": {"matchLabels": {"env": "test"}}},
            "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}},
        });
        Plan::of(&application(json!({"source": source("gitRepository"), "syncPolicies": [policy]})), catalog)
    };
    let (two, four) = (catalog(5, 2), catalog(5, 4));
    let table = [
        (
            "nothing",
            plan(&[("web", "test")], &two),
            ["0 removed, 0 lost, web 3/5 held", "0 removed, 0 lost, web 3/5 held"],
        ),
        ("moved", plan(&[("web", "dev")], &four), ["4 removed, 0 lost", "0 removed, 0 lost, web 4/5 held"]),
        ("moved to most of them", plan(&[("web", "dev")], &two), ["2 removed, 0 lost", "0 removed, 2 lost"]),
        ("a chart instead", chart(&two), ["5 removed, 0 lost", "2 removed, 0 lost, web 3/5 held"]),
        ("taken out", plan(&[], &two), ["5 removed, 0 lost", "5 removed, 0 lost"]),
        (
            "taken out beside one that goes to one of them",
            plan(&[("api", "dev")], &four),
            ["5 removed, 0 lost", "1 removed, 0 lost, gone web 4/5 held"],
        ),
    ];
    for (what, now, expected) in table {
        let seen = [false, true].map(|is_held| {
            said(&judge(&Plan { is_held, ..now.clone() }, children.existing(), Guard::default()))
        });
        assert_eq!(seen, expected, "{what}");
    }
}

/// The catalog with these clusters, which have `env=test`, instead of its own; none has a kubeconfig.
fn without_kubeconfig(mut catalog: Catalog, names: &[&str], lets_go: bool) -> Catalog {
    for name in names {
        let known = cluster(name, &[("env", "test")]);
        catalog.insert_cluster(Cluster { kubeconfig: None, lets_go, ..known });
    }
    catalog
}

#[test]
fn to_where_nobody_can_deliver_is_nowhere() {
    let children = Children::of(&plan(&[("web", "test")], &catalog(3, 2)));
    let table: [(&str, usize, &[&str], &str); 3] = [
        ("the label moved", 0, &["m2"], "0 removed, 0 lost, web 2/2 held"),
        ("one of them has credentials", 1, &["m2"], "0 removed, 1 lost"),
        ("those that it is on have none any more", 0, &["m0", "m1"], "0 removed, 0 lost"),
    ];
    for (what, test, names, expected) in table {
        let now = plan(&[("web", "test")], &without_kubeconfig(catalog(3, test), names, false));
        assert_eq!(said(&judge(&now, children.existing(), Guard::default())), expected, "{what}");
    }
}

#[test]
fn what_waits_for_credentials_has_replaced_nothing() {
    let policies = [("api", "dev"), ("web", "test")];
    let children = Children::of(&plan(&policies, &catalog(3, 2)));
    let table: [(&str, &[&str], bool, &[&str]); 4] = [
        ("all have theirs", &[], false, &[]),
        ("one that has come", &["m2"], false, &["web"]),
        ("one that has come, and lets go", &["m2"], true, &[]),
        ("one that was there", &["m1"], false, &[]),
    ];
    for (what, names, lets_go, expected) in table {
        let now = plan(&policies, &without_kubeconfig(catalog(3, 1), names, lets_go));
        let unreplaced: Vec<&str> = unreplaced(&now, children.existing()).into_iter().collect();
        assert_eq!(unreplaced, expected, "{what}");
    }
}

#[test]
fn a_rename_lets_go_where_the_new_name_is_written_and_of_nothing_that_is_held() {
    let old = Children::of(&plan(&[("web", "test")], &catalog(5, 5)));
    let new = |catalog: &Catalog| plan(&[("new", "test")], catalog);
    let written = Children::of(&new(&catalog(5, 2))).0.into_iter().filter(|(kind, ..)| !kind.is_source());
    let both = Children(old.0.iter().cloned().chain(written).collect());
    let unused = without_kubeconfig(catalog(5, 4), &["m4"], false);
    let held = || Plan { is_held: true, ..new(&catalog(5, 2)) };
    let table = [
        ("all is well", new(&catalog(5, 5)), &old, "5 removed, 0 lost"),
        ("one has no kubeconfig", new(&unused), &old, "4 removed, 0 lost"),
        ("the Fleet does not exist", new(&Catalog::default()), &old, "0 removed, 0 lost, gone web 5/5 held"),
        ("three are not meant", new(&catalog(5, 2)), &old, "5 removed, 0 lost"),
        ("three are held", held(), &old, "2 removed, 0 lost, gone web 3/5 held"),
        (
            "three are held, and the new name is written",
            held(),
            &both,
            "2 removed, 0 lost, gone web 3/5 held",
        ),
    ];
    for (what, now, children, expected) in table {
        assert_eq!(said(&judge(&now, children.existing(), Guard::default())), expected, "{what}");
    }
}

#[test]
fn what_does_not_say_whose_it_is_waits_for_a_word() {
    let mut children = Children::of(&plan(&[("web", "test")], &catalog(3, 2)));
    children.0.iter_mut().for_each(|(.., annotations)| annotations.clear());
    let now = plan(&[("web", "test")], &catalog(3, 1));
    assert_eq!(said(&judge(&now, children.existing(), Guard::default())), "0 removed, 0 lost, - 1/3 held");
}

#[test]
fn the_digest_is_of_exactly_that_set() {
    let before = plan(&[("web", "test")], &catalog(5, 5));
    let children = Children::of(&before);
    let digest = |test: usize, change: fn(&mut Vec<Existing<'_>>)| {
        let mut existing: Vec<Existing<'_>> = children.existing().collect();
        change(&mut existing);
        judge(&plan(&[("web", "test")], &catalog(5, test)), existing.into_iter(), Guard::default()).digest()
    };
    let two_left = digest(2, |_| {});
    assert_eq!(two_left.as_ref().map(String::len), Some(DIGITS));
    assert_eq!(two_left, digest(2, |existing| existing.reverse()), "in whatever order");
    assert_ne!(two_left, digest(1, |_| {}));
    assert_ne!(two_left, digest(2, |existing| existing[5].uid = "another"), "one that was made again");
    assert_eq!(two_left, digest(2, |existing| existing[1].uid = "another"), "one that stays");
    assert_eq!(digest(3, |_| {}), None);
}

#[test]
fn an_empty_word_confirms_nothing() {
    let mut application = application(json!({"syncPolicies": []}));
    assert_eq!(confirmed(&application), None);
    application.annotations_mut().insert(ANNOTATION_CONFIRM_PRUNE.to_owned(), " 3f2a ".to_owned());
    assert_eq!(confirmed(&application), Some("3f2a"));
}

proptest! {
    /// Whatever becomes of labels: each child that is not planned is in one list,
    /// and what goes unasked is never the last of a policy, nor most of many.
    #[test]
    fn nothing_is_forgotten_and_never_too_much_goes(clusters in 1..9_usize, before in 0..9_usize, after in 0..9_usize) {
        let (before, after) = (before.min(clusters), after.min(clusters));
        let policies = [("api", "test"), ("web", "dev")];
        let children = Children::of(&plan(&policies, &catalog(clusters, before)));
        let now = plan(&policies, &catalog(clusters, after));
        let verdict = judge(&now, children.existing(), Guard::default());
        prop_assert!(verdict.removed.is_empty(), "nobody edited anything");
        let gone: usize = before.abs_diff(after);
        prop_assert_eq!(verdict.lost.len() + verdict.all_held().count(), gone);
        let (had, has) = if after < before { (before, after) } else { (clusters - before, clusters - after) };
        if !verdict.lost.is_empty() {
            prop_assert!(has > 0 && (had < 5 || 2 * gone <= had), "{had} {gone} {has}");
        }
    }
}
