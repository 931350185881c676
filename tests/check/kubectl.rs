//! Files are read as kubectl reads them, and what it would not know is said.

use crate::support::{GOOD, bad, check, check_json, folder, found, found_in};

#[test]
fn what_kubectl_would_not_know_is_said() {
    let table = [
        (
            GOOD.replace("kind: Application", "kind: Aplication"),
            "is no kind of apps.kurator.dev/v1alpha1: \"Aplication\"; did you mean \"Application\"?",
            2,
        ),
        (
            GOOD.replace("kind: Application", "kind: Rollout"),
            "is no kind of apps.kurator.dev/v1alpha1: \"Rollout\"; there is only \"Application\"",
            2,
        ),
        (
            GOOD.replace("apps.kurator", "cluster.kurator")
                .replace("kind: Application", "kind: CustomCluster"),
            "1 object of other kinds passed by",
            0,
        ),
        (
            GOOD.replace("apps.kurator", "cluster.kurator")
                .replace("kind: Application", "kind: AttachedClustr"),
            "did you mean \"AttachedCluster\"?",
            2,
        ),
        (
            GOOD.replace("  name: shop", "  labls: {a: b}"),
            "error[object/name]: metadata.name: Required value: must be set, or generateName",
            1,
        ),
        (GOOD.replace("  name: shop", "  name: shop\n  labls: {a: b}"), "= help: did you mean labels?", 1),
        (
            GOOD.replace("  name: shop", "  name: shop\n  labels: {a: 1}"),
            "metadata.labels.a: Invalid value: 1: must be a string, is an integer",
            1,
        ),
        (GOOD.replace("v1alpha1", "v1"), "must be apps.kurator.dev/v1alpha1, the version that is served", 1),
        (
            format!("kind: Application\n{GOOD}"),
            "cannot be read as YAML: the key kind stands twice in one mapping\n",
            2,
        ),
    ];
    for (text, expected, expected_code) in table {
        let folder = folder(&[("app.yaml", text.as_bytes())]);
        let (code, said) = check(folder.path(), &["app.yaml"]);
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
        assert_eq!(code, Some(expected_code), "{said}");
    }
}

#[test]
fn booleans_are_those_of_yaml_1_1() {
    for word in ["y", "Y", "yes", "Yes", "YES", "n", "no", "on", "On", "off", "OFF", "true", "False"] {
        let text = GOOD.replace("prune: true", &format!("prune: {word}"));
        assert_eq!(found_in(&text), (Some(0), vec![]), "{word}");
    }
    for text in ["\"yes\"", "'n'", "yEs", "tRUE", "!!str on"] {
        let (code, found) = found_in(&GOOD.replace("prune: true", &format!("prune: {text}")));
        assert_eq!(code, Some(1), "{text}");
        assert_eq!(found, ["app.yaml:13:7 object/unreadable spec.syncPolicies[0].kustomization.prune"]);
    }
    // A name that looks like one.
    let (code, found) = found_in(&GOOD.replace("name: shop", "name: on"));
    assert_eq!((code, found), (Some(1), vec!["app.yaml:4:3 object/unreadable metadata.name".to_owned()]));
    assert_eq!(found_in(&GOOD.replace("name: shop", "name: 'on'")), (Some(0), vec![]));
}

#[test]
fn numbers_are_those_of_yaml_1_1() {
    for (number, code) in [("5.0", 0), ("1e1", 0), ("0o17", 0), ("017", 0), ("1.5", 1), ("'5'", 1)] {
        let text = GOOD.replace("    gitRepository:\n", "    gitRepository:\n      timeout: 60s\n")
            + &format!("---\n{}", GOOD.replace("prune: true", &format!("prune: true\n  - helm: {{interval: 5m, chart: {{spec: {{chart: a}}}}, maxHistory: {number}}}")));
        let (_, found) = found_in(&text);
        let is_said = found.iter().any(|line| line.ends_with("spec.syncPolicies[1].helm.maxHistory"));
        assert_eq!(is_said, code == 1, "{number}: {found:?}");
    }
}

#[test]
fn json_objects_need_nothing_between_them() {
    let json = |text: &str| {
        let value: serde_json::Value = serde_saphyr::from_str(text).expect("YAML");
        value.to_string()
    };
    let secret =
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"key":"hidden"}}"#;
    let pretty = serde_json::to_string_pretty(
        &serde_json::from_str::<serde_json::Value>(&json(&bad())).expect("JSON"),
    )
    .expect("JSON");
    let stream = format!("{secret}{}{}\n{pretty}\n---\n{}", json(GOOD), json(&bad()), bad());
    let folder = folder(&[("all.json", stream.as_bytes())]);
    let (code, document) = check_json(folder.path(), &["all.json"]);
    assert_eq!(code, Some(1));
    let lines: Vec<u64> = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| finding["line"].as_u64().expect("a line"))
        .collect();
    let of_pretty = pretty.lines().position(|line| line.contains("\"url\"")).expect("the field") as u64 + 2;
    let of_yaml = pretty.lines().count() as u64 + 2 + 8;
    assert_eq!(lines, [1, of_pretty, of_yaml]);
    assert_eq!(found(&document).len(), 3);
    assert_eq!(document["summary"]["objects"], 4);
    let (_, text) = check(folder.path(), &["all.json"]);
    assert!(text.contains("\"url\": \"https://\"") && !text.contains("hidden"), "{text}");
}
