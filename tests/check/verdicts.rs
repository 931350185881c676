//! What is found, and where.

use crate::support::{GOOD, bad, check, check_json, folder, found, found_in};

#[test]
fn a_good_file_is_admitted() {
    let folder = folder(&[("app.yaml", GOOD.as_bytes())]);
    let (code, text) = check(folder.path(), &["app.yaml"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        text,
        "1 object checked in 1 file: 0 errors, 0 warnings; no Fleet among the files, so references to Fleets were not checked\n"
    );
}

#[test]
fn every_fault_has_its_place() {
    let bad = GOOD
        .replace("      url:", "      urll: x\n      url:")
        .replace("interval: 5m\n      prune: true", "interval: often\n      prune: 'yes'");
    let folder = folder(&[("apps/app.yaml", format!("# a comment\n---\n{bad}").as_bytes())]);
    let (code, document) = check_json(folder.path(), &["apps"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        found(&document),
        [
            "apps/app.yaml:10:7 object/unknown-field spec.source.gitRepository.urll",
            "apps/app.yaml:15:7 source/interval spec.syncPolicies[0].kustomization.interval",
            "apps/app.yaml:16:7 object/unreadable spec.syncPolicies[0].kustomization.prune",
        ]
    );
    assert_eq!(document["findings"][0]["hint"], "did you mean url?");
}

#[test]
fn a_field_in_the_wrong_place_is_told_where_it_belongs() {
    let text = GOOD.replace("spec:\n", "syncPolicies: []\nspec:\n").replace("prune:", "branch:");
    let folder = folder(&[("app.yaml", text.as_bytes())]);
    let (_, document) = check_json(folder.path(), &["app.yaml"]);
    let hints: Vec<&str> = document["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|finding| finding["code"] == "object/unknown-field")
        .map(|finding| finding["hint"].as_str().expect("a hint"))
        .collect();
    assert_eq!(
        hints,
        ["it belongs at spec.syncPolicies", "it belongs at spec.source.gitRepository.ref.branch"]
    );
}

#[test]
fn early_names_have_their_place_in_the_file() {
    let app = GOOD
        .replace("gitRepository", "gitRepo")
        .replace("syncPolicies", "syncPolicy")
        .replace("https://", "ftp://");
    let (code, found) = found_in(&app);
    assert_eq!(code, Some(1));
    for expected in [
        "app.yaml:8:7 source/url spec.source.gitRepository.url",
        "app.yaml:7:5 object/deprecated-field spec.source.gitRepo",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected:?} is not in {found:?}");
    }
}

#[test]
fn the_items_of_a_list_are_objects() {
    let item = bad().replace('\n', "\n  ");
    let of_any = format!("apiVersion: v1\nkind: List\nitems:\n- {item}");
    let of_one = format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: ApplicationList\nmetadata: {{}}\nitems:\n- {item}"
    );
    let (code, found) = found_in(&of_any);
    assert_eq!(
        (code, found),
        (Some(1), vec!["app.yaml:11:9 source/url spec.source.gitRepository.url".to_owned()])
    );
    let (code, found) = found_in(&of_one);
    assert_eq!(
        (code, found),
        (Some(1), vec!["app.yaml:12:9 source/url spec.source.gitRepository.url".to_owned()])
    );
}

#[test]
fn an_exported_list_is_as_good_as_what_was_applied() {
    let exported = GOOD
        .replace(
            "  name: shop\n",
            "  name: shop\n  creationTimestamp: \"2026-01-01T00:00:00Z\"\n  generation: 2\n  managedFields: [{manager: kubectl, fieldsV1: {any: {}}}]\n  resourceVersion: \"7\"\n  uid: x\n",
        )
        .replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nitems:\n- {exported}status: {{observedGeneration: 2, conditions: []}}\nkind: List\nmetadata: {{resourceVersion: ''}}\n"
    );
    assert_eq!(found_in(&list), (Some(0), vec![]));
}

#[test]
fn an_object_that_is_too_long_to_be_kept_is_judged_all_the_same() {
    let policy = |index: usize| {
        format!("  - name: p{index}\n    kustomization: {{interval: often, prune: true, path: ./p{index}}}\n")
    };
    let policies: String = (0..500).map(policy).collect();
    let (code, found) = found_in(&format!("{GOOD}{policies}"));
    assert_eq!((code, found.len()), (Some(1), 500));
    assert_eq!(found[0], "app.yaml:15:21 source/interval spec.syncPolicies[1].kustomization.interval");
    assert_eq!(found[499], "app.yaml:1013:21 source/interval spec.syncPolicies[500].kustomization.interval");
}

#[test]
fn warnings_are_errors_where_that_is_asked_for() {
    let folder = folder(&[("app.yaml", GOOD.replace("https://", "https://me:secret@").as_bytes())]);
    let (code, document) = check_json(folder.path(), &["app.yaml"]);
    assert_eq!((code, found(&document).len()), (Some(0), 1));
    let (code, document) = check_json(folder.path(), &["app.yaml", "--warnings-as-errors"]);
    assert_eq!((code, &document["findings"][0]["severity"]), (Some(1), &"warning".into()));
}
