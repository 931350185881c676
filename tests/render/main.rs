//! `fleetgate render` as a user and a pipeline meet it: what is printed where,
//! and the exit code.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

mod rollouts;
mod support;

use serde_json::{Value, json};

use self::support::{FLEET, documents, folder, render};

const APPLICATION: &str = r#"apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata:
  name: shop
spec:
  source:
    gitRepo:
      url: https://github.com/o/r
      interval: 5m
  syncPolicies:
  - name: web
    destination: {fleet: quickstart}
    kustomization:
      interval: 5m
      prune: true
      dependsOn: [{name: db}]
      postBuild: {substitute: {tier: "017"}}
    overrides:
    - clusterSelector: {matchLabels: {env: dev}}
      patches: [{patch: "- op: remove\n  path: /spec/replicas\n", target: {kind: Deployment}}]
  - name: db
    destination: {fleet: quickstart, clusterSelector: {matchLabels: {env: dev}}}
    kustomization: {interval: 5m, path: ./db, prune: true}
"#;

#[test]
fn every_object_is_printed_with_whose_it_is() {
    let folder = folder(&[("app.yaml", APPLICATION), ("fleets/fleet.yaml", FLEET)]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "--catalog", "fleets"]);
    assert_eq!((code, notes.as_str()), (Some(0), ""), "{text}");
    let documents = documents(&text);
    let heads: Vec<(&str, &str)> = documents
        .iter()
        .map(|(comment, object)| (comment.as_str(), object["metadata"]["name"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        heads,
        [
            ("# Application default/shop, source", "shop"),
            (
                "# Application default/shop, policy web, AttachedCluster/m1\n\
                 # It does not wait for db, which does not go there.",
                "web-attachedcluster-m1"
            ),
            ("# Application default/shop, policy web, AttachedCluster/m2", "web-attachedcluster-m2"),
            ("# Application default/shop, policy db, AttachedCluster/m2", "db-attachedcluster-m2"),
        ]
    );
    assert_eq!(
        documents[2].1,
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {
                "name": "web-attachedcluster-m2", "namespace": "default",
                "labels": {"apps.kurator.dev/app-name": "shop"}, "annotations": {
                    "fleetgate.dev/destination": "5de8612894c923e7", "fleetgate.dev/policy": "web",
                },
            },
            "spec": {
                "interval": "5m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "shop"},
                "dependsOn": [{"name": "db-attachedcluster-m2"}],
                "postBuild": {"substitute": {"tier": "017", "cluster_name": "m2", "cluster_label_env": "dev"}},
                "patches": [{"patch": "- op: remove\n  path: /spec/replicas\n", "target": {"kind": "Deployment"}}],
                "kubeConfig": {"secretRef": {"name": "m2", "key": "config"}},
            },
        })
    );
    let again = render(folder.path(), &["--file", "app.yaml", "--catalog", "fleets"]);
    assert_eq!(again.1, text, "the same files give the same output");
    let together = render(folder.path(), &["-f", "app.yaml", "fleets/fleet.yaml"]);
    assert_eq!(together.1, text, "Fleets may be among the files");
}

#[test]
fn an_application_of_the_catalog_is_not_rendered() {
    let folder = folder(&[("fleet.yaml", FLEET), ("around/app.yaml", APPLICATION)]);
    let (code, text, notes) = render(folder.path(), &["-f", "fleet.yaml", "--catalog", "around"]);
    assert_eq!((code, text.as_str(), notes.as_str()), (Some(0), "", ""));
}

#[test]
fn what_would_be_refused_is_said_and_the_rest_rendered() {
    let bad = APPLICATION
        .replace("name: shop", "name: bad")
        .replace("interval: 5m\n      prune", "interval: often\n      prune");
    let folder = folder(&[("app.yaml", &format!("{bad}---\n{APPLICATION}")), ("fleet.yaml", FLEET)]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "fleet.yaml"]);
    assert_eq!(code, Some(1));
    assert!(
        notes.starts_with("app.yaml:14:7: error: spec.syncPolicies[0].kustomization.interval: "),
        "{notes}"
    );
    assert_eq!(notes.lines().count(), 1, "warnings are check's business: {notes}");
    assert_eq!(documents(&text).len(), 4);
}

#[test]
fn what_cannot_be_read_has_its_own_code() {
    let folder = folder(&[("app.yaml", &format!("a: [\n---\n{APPLICATION}")), ("fleet.yaml", FLEET)]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.yaml", "--catalog", "fleet.yaml"]);
    assert_eq!(code, Some(2));
    assert!(notes.starts_with("app.yaml:1:"), "{notes}");
    assert_eq!(documents(&text).len(), 4);
    assert_eq!(render(folder.path(), &[]).0, Some(2));
}

#[test]
fn what_is_missing_is_noted() {
    let folder =
        folder(&[("app.yaml", APPLICATION), ("half.yaml", FLEET.split("---\n").next().expect("the Fleet"))]);
    let table: [(&[&str], &str, usize); 2] = [
        (
            &["-f", "app.yaml"],
            "note: Application default/shop: Fleet \"quickstart\" is not among the files: name its file with --catalog\n",
            1,
        ),
        (
            &["-f", "app.yaml", "half.yaml"],
            "note: Application default/shop: AttachedCluster/m1 is not among the files: name its file with --catalog\n\
             note: Application default/shop: AttachedCluster/m2 is not among the files: name its file with --catalog\n",
            1,
        ),
    ];
    for (arguments, expected, objects) in table {
        let (code, text, notes) = render(folder.path(), arguments);
        assert_eq!((code, notes.as_str()), (Some(0), expected));
        assert_eq!(documents(&text).len(), objects);
    }
}

/// Whatever the user's text looks like to YAML, kubectl reads it back as it was.
#[test]
fn texts_stay_texts() {
    let words = [
        "yes",
        "No",
        "on",
        "y",
        "true",
        "null",
        "~",
        "017",
        "0o17",
        "0x1F",
        "1e3",
        "1_000",
        ".5",
        "1:30",
        "2024-01-01",
        "",
        " a",
        "a ",
        "- a",
        "a: b",
        "a #b",
        "#a",
        "'",
        "\"",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "a\nb\n",
        "\n",
        "a\n\n",
        "|",
        ">",
        "[a]",
        "{a}",
        "\u{e4}\u{1f600}",
        "\t",
        "---",
        "...",
        "=",
        "<<",
        ".inf",
        ".nan",
        "0b1",
        "-",
        "?",
        ":",
        "+1",
    ];
    let values: serde_json::Map<String, Value> =
        words.iter().enumerate().map(|(index, word)| (format!("k{index}"), json!(word))).collect();
    let application = json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {
            "source": {"helmRepository": {"url": "https://e.com", "interval": "5m"}},
            "syncPolicies": [{"helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}, "values": values}}],
        },
    });
    let folder = folder(&[("app.json", &application.to_string())]);
    let (code, text, notes) = render(folder.path(), &["-f", "app.json"]);
    assert_eq!(code, Some(0), "{notes}");
    let (_, release) = documents(&text).pop().expect("the release");
    assert_eq!(release["spec"]["values"], Value::Object(values));
    for word in ["yes", "No", "on", "y", "017", "1e3", "0x1F"] {
        let line = text.lines().find(|line| line.trim_end().ends_with(&format!(": {word}")));
        assert!(line.is_none(), "{word} is no text to a YAML 1.1 reader: {line:?}");
    }
}
