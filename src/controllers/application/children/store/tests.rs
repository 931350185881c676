use super::*;
use fleetgate_plan::FluxKind;
use serde_json::json;

fn child(name: &str, uid: &str, version: &str, path: &str) -> Child {
    let object = serde_json::from_value(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {
            "name": name, "namespace": "default", "uid": uid, "resourceVersion": version,
            "ownerReferences": [{
                "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": "u1", "controller": true,
            }],
        },
        "spec": {"path": path},
    }));
    Child::of(FluxKind::Kustomization, &object.expect("an object"))
}

/// What is known of the child `web`, as its uid and version.
fn web(store: &Store) -> String {
    let web = store.get("default", "web");
    web.map_or_else(|| "nothing".to_owned(), |web| format!("{} {}", web.uid, web.version))
}

fn list(store: &Store, children: Vec<Child>) -> usize {
    store.begin_listing();
    for child in children {
        store.observe(child);
    }
    store.end_listing().len()
}

#[test]
fn older_events_do_not_undo_own_writes() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "99", "./a")]);
    store.wrote(child("web", "c1", "101", "./b"));
    assert!(store.observe(child("web", "c1", "100", "./a")).is_none(), "it is older than what was written");
    assert_eq!(web(&store), "c1 101");
    assert!(store.observe(child("web", "c1", "101", "./b")).is_none(), "the own write is no news");
    assert!(store.observe(child("web", "c1", "102", "./b")).is_none(), "nor is what nobody reads");
    assert!(store.observe(child("web", "c1", "103", "./c")).is_some());
    assert_eq!(web(&store), "c1 103");
    store.wrote(child("web", "c1", "102", "./b"));
    assert_eq!(web(&store), "c1 103", "an answer may come late, too");
}

#[test]
fn an_end_is_an_end_of_that_object_only() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "5", "./a")]);
    store.wrote(child("web", "c2", "9", "./a"));
    assert!(!store.deleted(&child("web", "c1", "8", "./a")), "its successor was made already");
    assert_eq!(web(&store), "c2 9");
    assert!(store.deleted(&child("web", "c2", "10", "./a")));
    store.wrote(child("web", "c2", "9", "./a"));
    assert_eq!(web(&store), "nothing", "the answer to a write that came before the end");
}

#[test]
fn a_list_keeps_what_was_written_meanwhile() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "5", "./a"), child("old", "c0", "4", "./a")]);
    store.begin_listing();
    store.wrote(child("new", "c2", "20", "./a"));
    store.wrote(child("web", "c1", "21", "./b"));
    assert!(store.observe(child("web", "c1", "5", "./a")).is_none());
    let gone = store.end_listing();
    assert_eq!(gone.iter().map(|child| &*child.name).collect::<Vec<_>>(), ["old"]);
    assert_eq!(web(&store), "c1 21");
    assert!(store.get("default", "new").is_some());
}

/// A CRD takes its objects with it, also while no watch tells of their ends.
#[test]
fn of_a_kind_that_is_gone_nothing_is_left() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "500", "./a")]);
    store.begin_listing();
    assert_eq!(store.clear().len(), 1);
    assert_eq!((web(&store), store.of("u1").len()), ("nothing".to_owned(), 0));
    list(&store, vec![child("web", "c2", "501", "./a")]);
    assert_eq!(web(&store), "c2 501", "it may come back");
}

/// The versions of an API server that was restored from a backup begin lower again.
#[test]
fn a_list_is_believed_whatever_its_versions() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "500", "./a")]);
    assert_eq!(list(&store, vec![child("web", "c1", "30", "./b")]), 0);
    assert_eq!(web(&store), "c1 30");
    store.wrote(child("web", "c1", "31", "./c"));
    assert_eq!(web(&store), "c1 31");
}

#[test]
fn children_are_found_by_their_owner() {
    let store = Store::default();
    list(&store, vec![child("web", "c1", "5", "./a"), child("api", "c2", "6", "./a")]);
    let names = |owner: &str| {
        let mut names: Vec<String> = store.of(owner).iter().map(|child| child.name.to_string()).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!((names("u1"), names("u2")), ("api web".to_owned(), String::new()));
    let mut moved = child("api", "c2", "7", "./a");
    moved.facts.owner = Some("u2".into());
    store.observe(moved);
    assert_eq!((names("u1"), names("u2")), ("web".to_owned(), "api".to_owned()));
    store.deleted(&child("web", "c1", "8", "./a"));
    assert_eq!(names("u1"), "");
    assert!(!store.known().owned.contains_key("u1"), "nothing is left of it");
}

#[test]
fn children_are_found_by_the_secret_that_they_name() {
    let store = Store::default();
    let at = |name: &str, version: &str, secret: Option<&str>| {
        let mut child = child(name, name, version, "./a");
        child.facts.secret = secret.map(Into::into);
        child
    };
    let naming = |secret: &str| {
        let secret = ("default".into(), secret.into());
        let mut names: Vec<String> =
            store.naming(&secret).iter().map(|child| child.name.to_string()).collect();
        names.sort();
        names.join(" ")
    };
    list(&store, vec![at("web", "5", Some("m1")), at("api", "6", Some("m1")), at("host", "7", None)]);
    assert_eq!(naming("m1"), "api web");
    store.observe(at("web", "8", Some("m2")));
    assert_eq!((naming("m1"), naming("m2")), ("api".to_owned(), "web".to_owned()));
    store.deleted(&at("api", "9", None));
    assert_eq!((naming("m1"), store.secrets().len()), (String::new(), 1));
}
