//! The tree of an Application on which nearly everything has happened, and what is printed of it.

use fleetgate_api::Application;
use fleetgate_plan::{Catalog, FluxKind};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::node::{Health, Node};
use super::text::{Look, text};
use super::tree::{Troubles, tree};
use super::{Outcome, Scope, StatusFormat, outcome, written};
use crate::commands::fixtures::{self, application};
use crate::commands::golden::assert_golden;
use crate::stored::Child;

const REVISION: &str = "main@sha1:8a9f12c7d04b6f2f5f5b8f36bc3c3f9a1d2e4f60";

fn status(generation: i64, ready: &str, reason: &str, message: &str) -> Value {
    let mut conditions = vec![json!({
        "type": "Ready", "status": ready, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })];
    if reason == "Progressing" {
        conditions.push(json!({
            "type": "Reconciling", "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }));
    }
    json!({"observedGeneration": generation, "ready": "1/3", "conditions": conditions})
}

/// One of the Fleet's clusters does not exist.
fn catalog() -> Catalog {
    fixtures::catalog(&["m1", "m2", "m3"])
}

fn child(kind: FluxKind, name: &str, ready: &str, message: &str) -> Child {
    let revision = if ready == "True" { REVISION } else { "" };
    let object = serde_json::from_value(json!({
        "apiVersion": kind.api_version(), "kind": kind.kind(),
        "metadata": {
            "name": name, "namespace": "default", "generation": 1, "creationTimestamp": "2026-01-01T00:01:00Z",
            "annotations": {"fleetgate.dev/policy": name.split('-').next()},
            "ownerReferences": [{"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": "u1"}],
        },
        "spec": {},
        "status": {
            "observedGeneration": 1, "artifact": {"revision": revision},
            "conditions": [{"type": "Ready", "status": ready, "message": message}],
        },
    }));
    Child { kind, object: object.expect("an object") }
}

fn policies() -> Value {
    json!([
        {"name": "web", "kustomization": {"interval": "5m", "prune": true}},
        {
            "name": "db", "destination": {"clusterSelector": {"matchLabels": {"env": "dev"}}},
            "kustomization": {"interval": "5m", "prune": true},
        },
    ])
}

/// Ready on m1, failed on m2, and an object of a policy that was there once.
fn broken() -> Node {
    use FluxKind::{GitRepository, Kustomization};
    let said =
        "kustomization path not found: stat /tmp/kustomization-1/web: no such file or directory\nat all";
    let children = [
        child(GitRepository, "shop", "True", "stored artifact for revision 'main@sha1:8a9f12c7'"),
        child(Kustomization, "web-attachedcluster-m1", "True", "Applied revision: main@sha1:8a9f12c7"),
        child(Kustomization, "web-attachedcluster-m2", "False", said),
        child(Kustomization, "old-attachedcluster-m1", "True", "Applied revision: main@sha1:8a9f12c7"),
    ];
    let key = ("default".to_owned(), "AttachedCluster".to_owned(), "m2".to_owned());
    let troubles = Troubles::from([(key, "Unreachable: connection refused".to_owned())]);
    let status = status(3, "False", "DeliveryFailed", "Kustomization web-attachedcluster-m2: path not found");
    tree(&application(policies(), status), &catalog(), &children, &troubles)
}

fn look(wide: bool, coloured: bool) -> Look {
    Look { wide, coloured, now: "2026-01-01T00:05:30Z".parse::<Timestamp>().expect("a time") }
}

#[test]
fn the_tree_says_what_stands_where_and_how_it_fares() {
    let trees = [broken()];
    assert_golden("status.txt", &text(&trees, look(false, false)));
    assert_golden("status-wide.txt", &text(&trees, look(true, false)));
    let scope = Scope { namespace: Some("default".to_owned()), application: Some("shop".to_owned()) };
    for (format, name) in [(StatusFormat::Json, "status.json"), (StatusFormat::Yaml, "status.yaml")] {
        assert_golden(name, &written(&trees, &scope, format, true).expect("it is written"));
    }
}

#[test]
fn colours_are_for_terminals_and_change_no_width() {
    let trees = [broken()];
    let coloured = text(&trees, look(false, true));
    assert!(coloured.contains("\x1b[31mFailed") && coloured.contains("\x1b[32mReady"), "{coloured}");
    let bare = ["\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[0m"]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(bare, text(&trees, look(false, false)));
}

#[test]
fn what_confirms_a_removal_that_is_held_can_be_copied() {
    let mut status = status(3, "True", "Succeeded", "3/3 clusters ready");
    status["held"] = json!({"digest": "3f2a", "count": 2});
    let tree = tree(&application(policies(), status), &catalog(), &[], &Troubles::new());
    let text = text(&[tree], look(false, false));
    let expected = "\n\nWhat shop holds goes once this confirms it:\n  kubectl annotate applications.apps.kurator.dev shop \
                    --namespace default --overwrite fleetgate.dev/confirm-prune=3f2a\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn a_message_moves_no_cursor() {
    let node = Node { message: Some("a\x1b[2Jb\r\nc".to_owned()), ..Node::new("K\x07", "n", Health::Ready) };
    let text = text(&[node], look(false, false));
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains(['\x1b', '\x07', '\r']), "{text:?}");
}

#[test]
fn an_application_fares_as_its_status_says() {
    let deleted = |mut application: Application| {
        application.metadata.deletion_timestamp = application.metadata.creation_timestamp.clone();
        application
    };
    let ready = || application(policies(), status(3, "True", "Succeeded", "all is there"));
    let table = [
        (ready(), Health::Ready, "all is there"),
        (deleted(ready()), Health::Deleting, "Succeeded: all is there"),
        (
            application(policies(), status(2, "True", "Succeeded", "")),
            Health::Progressing,
            "waiting for the controller",
        ),
        (application(policies(), json!({})), Health::Progressing, "waiting for the controller"),
        (
            application(policies(), status(3, "False", "Progressing", "1/3")),
            Health::Progressing,
            "Progressing: 1/3",
        ),
        (
            application(policies(), status(3, "False", "NoClusters", "none")),
            Health::Failed,
            "NoClusters: none",
        ),
    ];
    for (application, health, message) in table {
        let tree = tree(&application, &catalog(), &[], &Troubles::new());
        assert_eq!((tree.state, tree.message.as_deref()), (health, Some(message)));
        let expected = if health == Health::Ready { Outcome::Ready } else { Outcome::NotReady };
        assert_eq!(outcome(&[tree]), expected);
    }
}

#[test]
fn what_goes_nowhere_says_why() {
    let nobody = json!({"clusterSelector": {"matchLabels": {"env": "prod"}}});
    let table = [
        (json!({"fleet": "gone"}), "there is no Fleet \"gone\""),
        (nobody, "no cluster that exists is selected"),
    ];
    for (destination, expected) in table {
        let policies = json!([{"name": "web", "destination": destination, "kustomization": {"interval": "5m", "prune": true}}]);
        let tree = tree(&application(policies, json!({})), &catalog(), &[], &Troubles::new());
        let policy = &tree.children[0].children[0];
        assert_eq!((policy.state, policy.message.as_deref()), (Health::Failed, Some(expected)));
    }
}

/// One of the Fleet's clusters does not exist: `new` cannot be written there.
#[test]
fn what_may_only_be_renamed_is_kept_where_nothing_can_be_written() {
    let policies = json!([{"name": "new", "kustomization": {"interval": "5m", "prune": true}}]);
    let names = ["old-attachedcluster-m1", "old-attachedcluster-m3"];
    let children = names.map(|name| child(FluxKind::Kustomization, name, "True", ""));
    let tree = tree(&application(policies, json!({})), &catalog(), &children, &Troubles::new());
    let left = tree.children.iter().skip(1).map(|left| (left.name.as_str(), left.state));
    let expected = [(names[1], Health::Kept), (names[0], Health::Deleting)];
    assert_eq!(left.collect::<Vec<_>>(), expected);
}

#[test]
fn an_object_of_someone_elses_is_not_shown() {
    let mut foreign = child(FluxKind::GitRepository, "shop", "True", "");
    foreign.object.metadata.owner_references = None;
    let tree = tree(&application(json!([]), json!({})), &catalog(), &[foreign], &Troubles::new());
    assert_eq!(tree.children[0].message.as_deref(), Some("waiting for the controller"));
}
