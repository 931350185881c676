//! What becomes of the children of a policy that is gone, by those that are planned.

use super::*;
use crate::test_fixtures::{Scenario, application, cluster, source};
use crate::{Catalog, Cluster, Fates, FleetEntry, Purpose};
use Fate::{Held, Lost, Removed};
use serde_json::{Value, json};

const M1: &str = "attachedcluster-m1";
const M2: &str = "attachedcluster-m2";

/// Kustomizations, each by its policy and what stands behind that in its name.
type Named = [(&'static str, &'static str)];

/// What there is, and what becomes of the children of the policy that is gone.
type Row<'a> = (&'a str, Catalog, Vec<Value>, &'a Named, [Fate; 2]);

/// A policy of that name, to the clusters of `f` with those labels.
fn policy(name: &str, labels: &Value) -> Value {
    json!({
        "name": name, "destination": {"fleet": "f", "clusterSelector": {"matchLabels": labels}},
        "kustomization": {"interval": "5m", "prune": true},
    })
}

fn everywhere(name: &str) -> Value {
    policy(name, &json!({}))
}

fn plan(policies: &[Value], catalog: &Catalog) -> Plan {
    let spec = json!({"source": source("gitRepository"), "syncPolicies": policies});
    Plan::of(&application(spec), catalog)
}

/// What becomes of the Kustomizations for `m1` and `m2` of the policy `web`, which is
/// gone, where others are there.
fn fates(plan: &Plan, others: &Named) -> [Fate; 2] {
    let webs = [("web", M1), ("web", M2)];
    let named = webs.iter().chain(others).map(|(policy, place)| (*policy, format!("{policy}-{place}")));
    let named: Vec<(&str, String)> = named.collect();
    let existing = named.iter().map(|(policy, name)| {
        let purpose = Purpose::Policy { name: policy, destination: None };
        Existing { kind: FluxKind::Kustomization, name, uid: name, purpose }
    });
    let existing: Vec<Existing<'_>> = existing.collect();
    let fates = Fates::of(plan, &existing);
    [0, 1].map(|web| fates.look_up(FluxKind::Kustomization, existing[web].name, existing[web].purpose))
}

/// The Fleet `f` of both clusters.
fn well() -> Catalog {
    let clusters = Scenario::new().cluster("m1", &[("env", "test")]).cluster("m2", &[("env", "dev")]);
    clusters.fleet("f", &["m1", "m2"]).catalog()
}

fn without_kubeconfig(lets_go: bool) -> Catalog {
    let mut catalog = well();
    catalog.insert_cluster(Cluster { kubeconfig: None, lets_go, ..cluster("m2", &[]) });
    catalog
}

fn missing_cluster() -> Catalog {
    Scenario::new().cluster("m1", &[]).fleet("f", &["m1", "m2"]).catalog()
}

fn missing_fleet() -> Catalog {
    Scenario::new().cluster("m1", &[]).cluster("m2", &[]).catalog()
}

fn faulty_fleet() -> Catalog {
    let mut catalog = well();
    let entry = catalog.fleet("default", "f").expect("the Fleet");
    let doubtful = FleetEntry { faults: vec!["?".to_owned()], ..FleetEntry::clone(entry) };
    catalog.insert_fleet(doubtful);
    catalog
}

#[test]
fn what_may_only_be_renamed_stays_where_nothing_can_be_written() {
    let renamed = || vec![everywhere("new")];
    let mut chart = everywhere("new");
    chart["kustomization"] = json!(null);
    chart["helm"] = json!({"interval": "5m", "chart": {"spec": {"chart": "c"}}});
    let beside = || vec![everywhere("api"), everywhere("new")];
    let on_m1 = [("new", M1)];
    let on_both = [("new", M1), ("new", M2)];
    let apis = [("api", M1), ("api", M2), ("new", M1)];
    let table: [Row<'_>; 19] = [
        ("all is well", well(), renamed(), &[], [Removed, Removed]),
        ("m2 has no kubeconfig", without_kubeconfig(false), renamed(), &[], [Removed, Held]),
        ("the same in another pass", without_kubeconfig(false), renamed(), &on_m1, [Removed, Held]),
        ("and is on m2, too", without_kubeconfig(false), renamed(), &on_both, [Removed, Removed]),
        ("m2 lets go", without_kubeconfig(true), renamed(), &[], [Removed, Removed]),
        ("one of two is not on m2", without_kubeconfig(false), beside(), &apis, [Removed, Held]),
        ("a chart", without_kubeconfig(false), vec![chart.clone()], &[], [Removed, Removed]),
        ("taken out", without_kubeconfig(false), vec![], &[], [Removed, Removed]),
        ("m2 does not exist", missing_cluster(), renamed(), &on_m1, [Removed, Held]),
        ("and is on m2, too", missing_cluster(), renamed(), &on_both, [Removed, Removed]),
        ("the Fleet does not exist", missing_fleet(), renamed(), &[], [Lost, Lost]),
        ("and it was delivered to m1 before", missing_fleet(), renamed(), &on_m1, [Removed, Lost]),
        ("and it was delivered before", missing_fleet(), renamed(), &on_both, [Removed, Removed]),
        ("a chart", missing_fleet(), vec![chart.clone()], &[], [Removed, Removed]),
        ("the Fleet is in doubt", faulty_fleet(), renamed(), &[], [Held, Held]),
        ("and it was delivered to m1 before", faulty_fleet(), renamed(), &on_m1, [Removed, Held]),
        ("and it was delivered before", faulty_fleet(), renamed(), &on_both, [Removed, Removed]),
        ("a chart", faulty_fleet(), vec![chart], &[], [Removed, Removed]),
        ("taken out", faulty_fleet(), vec![], &[], [Removed, Removed]),
    ];
    for (what, catalog, policies, others, expected) in table {
        assert_eq!(fates(&plan(&policies, &catalog), others), expected, "{what}: {others:?}");
    }
}

/// A new name is no word about what is held.
#[test]
fn while_something_is_held_nothing_goes_from_where_no_other_policy_comes() {
    let of_test = |name: &str| policy(name, &json!({"env": "test"}));
    let on_host = json!({"name": "new", "kustomization": {"interval": "5m", "prune": true}});
    let table: [(&str, Vec<Value>, &Named, [Fate; 2]); 5] = [
        ("renamed", vec![of_test("new")], &[], [Removed, Lost]),
        ("in another pass", vec![of_test("new")], &[("new", M1)], [Removed, Lost]),
        ("to both", vec![everywhere("new")], &[], [Removed, Removed]),
        ("to the host", vec![on_host], &[], [Lost, Lost]),
        ("taken out", vec![], &[], [Removed, Removed]),
    ];
    for (what, policies, others, while_held) in table {
        let plan = plan(&policies, &well());
        let seen = [false, true].map(|is_held| fates(&Plan { is_held, ..plan.clone() }, others));
        assert_eq!(seen, [[Removed, Removed], while_held], "{what}");
    }
}

/// As Kurator cut it, or as we do.
#[test]
fn a_long_name_is_known_again() {
    let long = "a".repeat(60);
    let purpose = Purpose::Policy { name: &long, destination: None };
    let key = cluster("m2", &[]).key;
    let table = [(without_kubeconfig(false), Held), (missing_fleet(), Lost), (well(), Removed)];
    for (catalog, expected) in table {
        let plan = plan(&[everywhere("new")], &catalog);
        for name in names::child_names(&long, Some(&key)) {
            let child = Existing { kind: FluxKind::Kustomization, name: &name, uid: "u", purpose };
            let fates = Fates::of(&plan, &[child]);
            assert_eq!(fates.look_up(child.kind, &name, purpose), expected, "{name}");
        }
    }
}

/// However long the policy's name is, and so whether the child's is whole, cut or hashed.
#[test]
fn a_child_is_told_by_its_place() {
    let keys = ["m", "M1", "member-with-a-long-name"].map(|name| cluster(name, &[]).key);
    let [m, m1, long] = keys.each_ref().map(Some);
    let (there, elsewhere) =
        (Places::new(&BTreeSet::from([None, m1, long])), Places::new(&BTreeSet::from([m])));
    for length in 1..70 {
        let policy = "Ab".repeat(35).split_off(70 - length);
        let of = |places: &[Place<'_>]| -> Vec<String> {
            places.iter().flat_map(|place| names::child_names(&policy, *place)).collect()
        };
        let (here, away) = (of(&[None, m1, long]), of(&[m]));
        let children: Vec<&str> = here.iter().chain(&away).map(String::as_str).collect();
        for (places, names) in [(&there, &here), (&elsewhere, &away)] {
            let expected: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(places.among(&policy, &children), expected, "{policy}");
        }
    }
}
