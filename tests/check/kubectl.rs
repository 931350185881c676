//! Files are read as kubectl reads them, and what it would not know is said.

use crate::support::{GOOD, bad, check, check_json, folder, found};

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
            "1 of other kinds passed by",
            0,
        ),
        (
            GOOD.replace("apps.kurator", "cluster.kurator")
                .replace("kind: Application", "kind: AttachedClustr"),
            "did you mean \"AttachedCluster\"?",
            2,
        ),
        (
            GOOD.replace("apps.kurator.dev", "apps.kurator.io"),
            "is no kind of apps.kurator.io/v1alpha1: \"Application\"; did you mean apps.kurator.dev/v1alpha1?",
            2,
        ),
        (
            GOOD.replace("prune: true", "prune: true\n      <<: {prune: false}"),
            "cannot be read as YAML: the key prune stands above a `<<` that has another value for it: kubectl takes",
            2,
        ),
        (GOOD.replace("prune: true", "<<: {prune: false}\n      prune: true"), "0 errors, 0 warnings", 0),
        (GOOD.replace("apps.kurator.dev", "core.oam.dev"), "1 of other kinds passed by", 0),
        (GOOD.replace("kind: Application\n", ""), "is no Kubernetes object: it has no kind\n", 2),
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

/// The fields that are found to be faulty when each of `values` stands in
/// `line`, in a document of its own: one entry for each value.
fn faults(line: &str, values: &[&str]) -> Vec<Vec<String>> {
    let document =
        |value: &&str| GOOD.replace(line, &format!("{}: {value}", line.split_once(':').expect("a field").0));
    let documents: Vec<String> = values.iter().map(document).collect();
    let folder = folder(&[("app.yaml", documents.join("---\n").as_bytes())]);
    let (code, document) = check_json(folder.path(), &["app.yaml"]);
    assert_ne!(code, Some(2), "{document}");
    let lines = GOOD.lines().count() as u64 + 1;
    let mut faults = vec![Vec::new(); values.len()];
    let findings = document["findings"].as_array().expect("findings");
    // They all have one name.
    for finding in findings.iter().filter(|finding| finding["code"] != "object/duplicate") {
        let index = (finding["line"].as_u64().expect("a line") - 1) / lines;
        faults[usize::try_from(index).expect("small")]
            .push(finding["path"].as_str().expect("a path").to_owned());
    }
    faults
}

#[test]
fn booleans_are_those_of_yaml_1_1() {
    let booleans = ["y", "Y", "yes", "Yes", "YES", "n", "no", "on", "On", "off", "OFF", "true", "False"];
    assert_eq!(faults("prune: true", &booleans), vec![Vec::<String>::new(); booleans.len()]);
    let texts = ["\"yes\"", "'n'", "yEs", "tRUE", "!!str on"];
    assert_eq!(
        faults("prune: true", &texts),
        vec![vec!["spec.syncPolicies[0].kustomization.prune"]; texts.len()]
    );
    // Names that look like one, and one that looks like a name.
    let mut names = faults("name: shop", &["on", "n", "'on'", "nO"]);
    // Applications of one name make objects of one name; that is not what is looked at.
    for paths in &mut names {
        paths.retain(|path| path.starts_with("metadata"));
    }
    assert_eq!(names, [vec!["metadata.name"], vec!["metadata.name"], vec![], vec!["metadata.name"]]);
}

#[test]
fn numbers_are_those_of_yaml_1_1() {
    let with = |number: &str| GOOD.replace("name: shop", &format!("name: shop\n  generation: {number}"));
    let integers = ["5.0", "1e1", "0o17", "017", "0x1F", "1_000", "-0"];
    let others = ["1.5", "'5'", "0o8", "1:30"];
    let documents: Vec<String> = integers.iter().chain(&others).map(|number| with(number)).collect();
    let folder = folder(&[("app.yaml", documents.join("---\n").as_bytes())]);
    let (_, document) = check_json(folder.path(), &["app.yaml"]);
    let findings = document["findings"].as_array().expect("findings");
    let faulty = findings.iter().filter(|finding| finding["path"] == "metadata.generation").count();
    assert_eq!(faulty, others.len(), "{findings:?}");
}

/// A commit, a tag or a digest may have digits around a single `e`.
#[test]
fn numbers_too_large_for_one_are_texts() {
    let git = "      url: https://github.com/o/r\n      interval: 5m\n";
    let tagged = |tag: &str| GOOD.replace(git, &format!("{git}      ref: {{tag: {tag}}}\n"));
    let newer = |tag: &str| {
        let images = format!("prune: true\n      images: [{{name: web, newTag: {tag}}}]");
        GOOD.replace("prune: true", &images)
    };
    for (text, expected) in [
        (tagged("63e5721"), Some(0)),
        (newer("63e5721"), Some(0)),
        (tagged("63e2"), Some(1)),
        (tagged(".inf"), Some(2)),
    ] {
        let folder = folder(&[("app.yaml", text.as_bytes())]);
        let (code, said) = check(folder.path(), &["app.yaml"]);
        assert_eq!(code, expected, "{said}");
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
    let named = |text: &str, name: &str| text.replace("shop", name);
    let (good, bad) = (json(&named(GOOD, "a")), json(&named(&bad(), "b")));
    let stream = format!("{secret}{good}{bad}\n{pretty}\n---\n{}", named(&self::bad(), "d"));
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
