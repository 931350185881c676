//! What is said of a change, by the Flux objects that were there before it.

use fleetgate_plan::prune::Guard;
use fleetgate_plan::{Catalog, Cluster, FluxKind, Plan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use serde_json::{Value, json};

use super::compare::{Change, Difference, compare};
use super::text::{summary, text};
use super::{Judged, Live, judge};
use crate::commands::fixtures::{application, catalog, clusters, fleet};
use crate::commands::golden::assert_golden;
use crate::stored::{Child, Stored};
use fleetgate_check::{Objects, objects};

/// The policy `web`, to the clusters of an environment or to all.
fn web(env: Option<&str>, path: Option<&str>) -> Value {
    let mut policy = json!({"name": "web", "kustomization": {"interval": "5m", "prune": true}});
    if let Some(env) = env {
        policy["destination"] = json!({"clusterSelector": {"matchLabels": {"env": env}}});
    }
    if let Some(path) = path {
        policy["kustomization"]["path"] = json!(path);
    }
    policy
}

fn plan(policies: &[Value], catalog: &Catalog) -> Plan {
    Plan::of(&application(json!(policies), json!({})), catalog)
}

/// The objects of a plan as the API server has them: with its defaults on top.
fn children(plan: &Plan) -> Vec<Child> {
    let stored = plan.objects().map(|(kind, mut object)| {
        object.data["spec"]["force"] = json!(false);
        object.data["status"] = json!({"observedGeneration": 1});
        Child { kind, object }
    });
    stored.collect()
}

/// Each difference in a line: `AttachedCluster/m1 loses web-attachedcluster-m1`.
fn lines(differences: &[Difference]) -> Vec<String> {
    let text = text("default/shop", differences, false).expect("it is written");
    let lines = text.lines().skip(1).take_while(|line| !line.is_empty());
    lines
        .map(|line| {
            let words: Vec<&str> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
            [words[0], words[1], words[3]].join(" ")
        })
        .collect()
}

#[test]
fn each_cluster_is_said_to_gain_lose_change_or_keep() {
    let both = catalog(&["m1", "m2"]);
    let (on_m1, on_m2) = (web(Some("test"), None), web(Some("dev"), None));
    let m1 = "AttachedCluster/m1";
    let m2 = "AttachedCluster/m2";
    let (web_m1, web_m2) = ("web-attachedcluster-m1", "web-attachedcluster-m2");
    let table = [
        ("nothing", vec![web(None, None)], vec![web(None, None)], vec![]),
        (
            "a move",
            vec![on_m1.clone()],
            vec![on_m2],
            vec![format!("{m1} loses {web_m1}"), format!("{m2} gains {web_m2}")],
        ),
        (
            "a field that is new",
            vec![web(None, None)],
            vec![web(None, Some("./deploy"))],
            vec![format!("{m1} changes {web_m1}"), format!("{m2} changes {web_m2}")],
        ),
        (
            "a field that is not there any more",
            vec![web(Some("test"), Some("./deploy"))],
            vec![on_m1.clone()],
            vec![format!("{m1} changes {web_m1}")],
        ),
        (
            "a selector that finds nobody",
            vec![on_m1.clone()],
            vec![web(Some("prod"), None)],
            vec![format!("{m1} keeps {web_m1}")],
        ),
        ("a policy that goes", vec![on_m1], vec![], vec![format!("{m1} loses {web_m1}")]),
    ];
    for (what, before, after, expected) in table {
        let (before, after) = (plan(&before, &both), plan(&after, &both));
        let seen = compare(Some(&before), (&after, None), &children(&before), &both);
        assert_eq!(lines(&seen), expected, "{what}");
    }
}

#[test]
fn what_is_stored_counts_and_not_what_was_planned() {
    let catalog = catalog(&["m1"]);
    let plan = plan(&[web(None, Some("./deploy"))], &catalog);
    let seen = |change: fn(&mut Vec<Child>)| {
        let mut children = children(&plan);
        change(&mut children);
        lines(&compare(Some(&plan), (&plan, None), &children, &catalog))
    };
    let on_m1 = |verb: &str| [format!("AttachedCluster/m1 {verb} web-attachedcluster-m1")];
    assert_eq!(seen(|children| children[1].object.data["spec"]["path"] = json!("./else")), on_m1("changes"));
    let relabelled = seen(|children| {
        children[1].object.labels_mut().clear();
    });
    assert_eq!(relabelled, on_m1("changes"));
    assert_eq!(seen(|children| children[1].object.metadata.owner_references = None), on_m1("conflicts"));
    let going = seen(|children| {
        children[1].object.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    });
    assert_eq!(going, on_m1("gains"));
    assert_eq!(seen(|children| drop(children.drain(..1))), ["source gains shop"]);
}

#[test]
fn what_nobody_planned_is_found_by_its_credentials() {
    let catalog = catalog(&["m1", "m2"]);
    let before = plan(&[web(Some("dev"), None)], &catalog);
    let mut all = children(&before);
    let mut of_a_cluster_that_is_gone = all[1].clone();
    of_a_cluster_that_is_gone.object.metadata.name = Some("web-attachedcluster-m9".to_owned());
    of_a_cluster_that_is_gone.object.data["spec"]["kubeConfig"]["secretRef"]["name"] = json!("m9");
    // Another key of the same Secret is another cluster.
    let mut of_another_key = all[1].clone();
    of_another_key.object.metadata.name = Some("web-attachedcluster-m8".to_owned());
    of_another_key.object.data["spec"]["kubeConfig"]["secretRef"]["key"] = json!("m8");
    all.extend([of_a_cluster_that_is_gone, of_another_key]);
    let seen = compare(None, (&plan(&[web(Some("test"), None)], &catalog), None), &all, &catalog);
    let places: Vec<_> = lines(&seen);
    assert_eq!(places[0], "AttachedCluster/m1 gains web-attachedcluster-m1");
    assert_eq!(places[1], "AttachedCluster/m2 loses web-attachedcluster-m2");
    let said = text("", &seen, false).expect("text");
    for expected in ["the cluster of Secret m2", "the cluster of Secret m9"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn what_may_only_be_renamed_is_kept_where_nothing_can_be_written() {
    let mut catalog = catalog(&["m1", "m2"]);
    let before = plan(&[web(None, None)], &catalog);
    let cut_off = Cluster { kubeconfig: None, ..Cluster::from(&clusters()[1]) };
    catalog.insert_cluster(cut_off);
    let mut renamed = web(None, None);
    renamed["name"] = json!("new");
    let seen = compare(Some(&before), (&plan(&[renamed], &catalog), None), &children(&before), &catalog);
    let (m1, m2) = ("AttachedCluster/m1", "AttachedCluster/m2");
    let mut lines = lines(&seen);
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("{m1} gains new-attachedcluster-m1"),
            format!("{m1} loses web-attachedcluster-m1"),
            format!("{m2} keeps web-attachedcluster-m2"),
        ]
    );
}

#[test]
fn what_would_be_held_is_said_with_what_confirms_it() {
    let before = plan(&[web(None, None)], &catalog(&["m1", "m2"]));
    let children = children(&before);
    let seen = |listed: &[&str], confirmed: Option<&str>| {
        let catalog = catalog(listed);
        let after = plan(&[web(None, None)], &catalog);
        compare(Some(&before), (&after, confirmed), &children, &catalog)
    };
    let both = |verb: &str| {
        ["m1", "m2"].map(|name| format!("AttachedCluster/{name} {verb} web-attachedcluster-{name}"))
    };
    assert_eq!(lines(&seen(&["m1"], None)), both("loses")[1..]);
    let held = seen(&[], None);
    assert_eq!(lines(&held), both("keeps"));
    let Change::Hold(digest) = &held[0].change else { panic!("{held:?}") };
    let text = text("default/shop", &held, false).expect("text");
    assert!(text.contains(&format!("held until fleetgate.dev/confirm-prune={digest}")), "{text}");
    assert_eq!(lines(&seen(&[], Some("3f2a"))), both("keeps"));
    assert_eq!(lines(&seen(&[], Some(digest))), both("loses"));
}

#[test]
fn differences_are_read_at_a_glance() {
    let both = catalog(&["m1", "m2"]);
    let before = plan(
        &[
            web(None, Some("./deploy")),
            json!({"name": "db", "destination": {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}, "kustomization": {"interval": "5m", "prune": true}}),
        ],
        &both,
    );
    let after = plan(
        &[
            web(None, Some("./release")),
            json!({"name": "db", "destination": {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "dev"}}}, "kustomization": {"interval": "5m", "prune": true}}),
        ],
        &both,
    );
    let mut all = children(&before);
    all[0].object.data["spec"]["interval"] = json!("9m");
    let differences = compare(Some(&before), (&after, None), &all, &both);
    let plain = text("default/shop", &differences, false).expect("text");
    assert_golden("diff.txt", &format!("{plain}\n{}", summary(differences.iter())));
    let coloured = text("default/shop", &differences, true).expect("text");
    for part in
        ["\x1b[32mgains", "\x1b[31mloses", "\x1b[33mchanges", "\x1b[31m-  path: ./deploy", "\x1b[36m@@"]
    {
        assert!(coloured.contains(part), "{part:?} in {coloured}");
    }
}

/// The namespace `default`, in which `shop` is delivered to `m1`.
fn live() -> Live {
    let catalog = catalog(&["m1"]);
    let shop = application(json!([web(None, None)]), json!({}));
    let children = children(&Plan::of(&shop, &catalog));
    let stored = Stored {
        fleets: vec![DeserializeGuard(Ok(fleet(&["m1"])))],
        clusters: clusters().map(|cluster| DeserializeGuard(Ok(cluster))).into(),
        provisioned: Vec::new(),
        applications: vec![DeserializeGuard(Ok(shop))],
    };
    Live { stored, children, catalog }
}

fn wanted(text: &Value) -> Objects {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wanted.json");
    std::fs::write(&path, text.to_string()).expect("a file");
    let objects = objects(&[path], "default");
    assert!(objects.unreadable.is_empty(), "{:?}", objects.unreadable);
    objects
}

fn judged(text: &Value) -> (Option<Judged>, String) {
    judged_in(live(), text)
}

fn judged_in(live: Live, text: &Value) -> (Option<Judged>, String) {
    let mut notes = Vec::new();
    let judged = judge(live, wanted(text), &mut notes).expect("a verdict");
    (judged, String::from_utf8(notes).expect("UTF-8"))
}

#[test]
fn a_fleet_moves_the_applications_that_go_there() {
    let (judged, notes) = judged(&json!(fleet(&["m1", "m2"])));
    let differences = judged.expect("it is admitted").differences();
    assert_eq!(notes, "");
    let [(application, seen)] = &differences[..] else { panic!("{differences:?}") };
    assert_eq!(application, "default/shop");
    assert_eq!(lines(seen), ["AttachedCluster/m2 gains web-attachedcluster-m2"]);
}

#[test]
fn an_application_belongs_to_whom_it_belongs() {
    let mut shop = json!(application(json!([web(None, None)]), json!({})));
    shop["metadata"] = json!({"name": "shop"});
    let (same, _) = judged(&shop);
    assert!(same.expect("it is admitted").differences().is_empty(), "its uid is the stored one's");

    shop["metadata"]["name"] = json!("other");
    let (other, _) = judged(&shop);
    let differences = other.expect("it is admitted").differences();
    let kinds: Vec<FluxKind> = differences[0].1.iter().map(|difference| difference.kind).collect();
    assert_eq!(kinds, [FluxKind::GitRepository, FluxKind::Kustomization]);
}

/// A file says nothing of that; what the API server has stored does.
#[test]
fn what_is_held_stays_so_whatever_the_file_says() {
    let file = json!(application(json!([web(Some("dev"), None)]), json!({})));
    let held = json!({"held": {"digest": "3f2a", "count": 1}});
    for (status, verb) in [(json!({}), "loses"), (held, "keeps")] {
        let mut live = live();
        live.catalog = catalog(&["m1", "m2"]).with_guard(Guard { clusters: 1, percent: 50 });
        live.stored.applications = vec![DeserializeGuard(Ok(application(json!([web(None, None)]), status)))];
        let (judged, notes) = judged_in(live, &file);
        let differences = judged.unwrap_or_else(|| panic!("{notes}")).differences();
        let [(_, seen)] = &differences[..] else { panic!("{differences:?}") };
        let (m1, m2) = ("AttachedCluster/m1", "AttachedCluster/m2");
        let expected =
            [format!("{m1} {verb} web-attachedcluster-m1"), format!("{m2} gains web-attachedcluster-m2")];
        assert_eq!(lines(seen), expected);
    }
}

#[test]
fn what_admission_refuses_is_not_compared() {
    let mut shop = json!(application(json!([web(None, None)]), json!({})));
    shop["spec"]["source"]["gitRepository"]["url"] = json!("https://");
    let (judged, notes) = judged(&shop);
    assert!(judged.is_none());
    assert!(notes.starts_with("error: Application default/shop: spec.source.gitRepository.url: "), "{notes}");
}
