use super::*;
use crate::rules::object::MAX_POLICIES;
use crate::test_fixtures::{any_json, application, catalog, git_source, kustomization};
use proptest::prelude::*;
use serde_json::json;

fn codes(object: &Value) -> Vec<String> {
    let verdict = judge(Kind::Application, object.clone(), None, &catalog());
    verdict.findings.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
}

#[test]
fn type_faults_do_not_hide_the_others() {
    let mut source = git_source();
    source["helmRepository"] = json!({"url": "https://e.com"});
    let mut policy = kustomization();
    policy["prune"] = json!("yes");
    let object = application(
        "shop",
        json!({
            "source": source,
            "syncPolicies": [
                {"destination": {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "not valid!"}}}, "kustomization": policy},
                {"kustomization": kustomization()},
            ],
        }),
    );
    assert_eq!(
        codes(&object),
        [
            "spec.syncPolicies[0].kustomization.prune object/unreadable",
            "spec.source.helmRepository source/exactly-one",
            "spec.syncPolicies[1].destination destination/mixed",
            "spec.syncPolicies[0].destination.clusterSelector.matchLabels.env selector/syntax",
        ]
    );
}

#[test]
fn a_rule_speaks_in_the_schemas_place() {
    let mut source = git_source();
    source["gitRepository"]["interval"] = json!("5 minutes");
    let object =
        application("shop", json!({"source": source, "syncPolicies": [{"kustomization": kustomization()}]}));
    assert_eq!(codes(&object), ["spec.source.gitRepository.interval source/interval"]);
}

#[test]
fn many_faults_take_time_in_proportion() {
    let policies: Vec<Value> =
        (0..MAX_POLICIES).map(|_| json!({"kustomization": {"interval": 5, "prune": "yes"}})).collect();
    let object = application("shop", json!({"source": git_source(), "syncPolicies": policies}));
    let verdict = judge(Kind::Application, object.clone(), None, &catalog());
    assert_eq!(verdict.of_severity(Severity::Error).count(), MOST_KEPT + 1);

    let requirement = |key: usize| json!({"key": format!("k{key}"), "operator": "In", "values": ["x"]});
    let requirements: Vec<Value> = (0..60_000).map(|key| requirement(key / 2)).collect();
    let destination = json!({"fleet": "quickstart", "clusterSelector": {"matchExpressions": requirements}});
    let object = application(
        "shop",
        json!({"source": git_source(), "destination": destination, "syncPolicies": [{"kustomization": kustomization()}]}),
    );
    assert!(judge(Kind::Application, object.clone(), None, &catalog()).is_admitted());
}

#[test]
fn many_policies_of_one_large_selector_take_time_in_proportion() {
    let requirements: Vec<Value> =
        (0..10_000).map(|key| json!({"key": format!("k{key}"), "operator": "Exists"})).collect();
    let destination = json!({"fleet": "quickstart", "clusterSelector": {"matchExpressions": requirements}});
    let policies = vec![json!({"kustomization": kustomization()}); MAX_POLICIES];
    let object = application(
        "shop",
        json!({"source": git_source(), "destination": destination, "syncPolicies": policies}),
    );
    assert_eq!(codes(&object), ["spec.destination.clusterSelector selector/no-match"]);
}

#[test]
fn many_slips_below_an_early_name_take_time_in_proportion() {
    let slips =
        |index: usize| json!({format!("{}{index}", "x".repeat(200)): 1, "kustomization": kustomization()});
    let policies: Vec<Value> = (0..MAX_POLICIES).map(slips).collect();
    let object = application("shop", json!({"source": git_source(), "syncPolicy": policies}));
    let verdict = judge(Kind::Application, object.clone(), None, &catalog());
    assert_eq!(verdict.of_severity(Severity::Error).count(), MOST_KEPT + 1, "{:?}", verdict.findings.first());
}

#[test]
fn very_many_policies_are_several_applications() {
    let object = |field: &str, count| application("shop", json!({field: vec![0; count]}));
    for field in ["syncPolicies", "syncPolicy"] {
        let said = codes(&object(field, MAX_POLICIES + 1));
        assert_eq!(said, [format!("spec.{field} object/unreadable")]);
    }
    assert!(codes(&object("syncPolicies", MAX_POLICIES)).len() > 1, "each of them is looked at");
    let many = object("syncPolicies", MAX_POLICIES + 1);
    let verdict = judge(Kind::Application, many.clone(), Some(&many), &catalog());
    assert!(verdict.is_admitted(), "what is stored may be changed");
}

#[test]
fn a_name_is_said_once_and_faulty_metadata_hides_nothing() {
    let spec = json!({"source": git_source(), "syncPolicies": []});
    let none = ["spec.syncPolicies policy/none"];
    let table = [
        (json!({"name": 7}), vec!["metadata.name object/unreadable"]),
        (
            json!({"name": "shop", "creationTimestamp": "then"}),
            vec!["metadata.creationTimestamp object/unreadable"],
        ),
        (json!({"name": "shop", "labels": {"a": 1}}), vec!["metadata.labels.a object/unreadable"]),
        (json!({"name": "shop", "creationTimestamp": null, "managedFields": [{"any": 1}]}), vec![]),
        (json!("text"), vec!["metadata object/unreadable"]),
        (json!(null), vec!["metadata.name object/name"]),
    ];
    for (metadata, expected) in table {
        let mut object = application("shop", spec.clone());
        object["metadata"] = metadata.clone();
        assert_eq!(codes(&object), [&expected[..], &none[..]].concat(), "{metadata}");
    }
}

#[test]
fn a_fleets_selector_is_checked_too() {
    let fleet = |operator: &str| {
        json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "f", "namespace": "default"},
            "spec": {"clusterSelector": {"matchExpressions": [{"key": "env", "operator": operator, "values": ["x"]}]}},
        })
    };
    for (operator, admitted) in [("In", true), ("in", false), ("Exists", false)] {
        assert_eq!(
            judge(Kind::Fleet, fleet(operator), None, &catalog()).is_admitted(),
            admitted,
            "{operator}"
        );
    }
}

#[test]
fn a_missing_list_is_said_once() {
    let object = application("shop", json!({"source": git_source()}));
    assert_eq!(codes(&object), ["spec.syncPolicies object/unreadable"]);
}

/// Any JSON, with the names that an Application has where there are names.
fn json_value() -> impl Strategy<Value = Value> {
    let texts = "\\PC{0,12}|[0-9.hms]{0,8}|https?://[a-z.]{0,9}";
    any_json(
        texts,
        &[
            "spec",
            "source",
            "gitRepository",
            "gitRepo",
            "helmRepository",
            "ociRepository",
            "url",
            "interval",
            "syncPolicies",
            "syncPolicy",
            "name",
            "destination",
            "fleet",
            "clusterSelector",
            "matchLabels",
            "matchExpressions",
            "key",
            "operator",
            "values",
            "kustomization",
            "helm",
            "chart",
            "prune",
            "metadata",
            "env",
        ],
    )
}

proptest! {
    #[test]
    fn no_object_makes_it_panic_and_defaulting_is_idempotent(spec in json_value(), whole in json_value()) {
        for object in [application("shop", spec), whole] {
            for kind in Kind::ALL {
                let once = judge(kind, object.clone(), None, &catalog());
                prop_assert!(once.object == object || may_change(kind, &object));
                let twice = judge(kind, once.object.clone(), None, &catalog());
                prop_assert_eq!(once.object, twice.object);
            }
        }
    }
}

#[test]
fn of_very_many_faults_a_thousand_are_kept_and_none_is_excused() {
    let labelled = |count: usize, interval: &str| {
        let labels: serde_json::Map<String, Value> =
            (0..count).map(|index| (format!("a{index}"), json!("no value"))).collect();
        let policies = json!([{"kustomization": {"interval": interval, "path": "./", "prune": true}}]);
        let mut object = application("shop", json!({"source": git_source(), "syncPolicies": policies}));
        object["metadata"]["labels"] = labels.into();
        object
    };
    for (count, is_admitted, kept) in [
        (MOST_KEPT, true, MOST_KEPT),
        (MOST_KEPT + 1, false, MOST_KEPT + 1),
        (20 * MOST_KEPT, false, MOST_KEPT + 1),
    ] {
        let (old, new) = (labelled(count, "5m0s"), labelled(count, "6m0s"));
        let verdict = judge(Kind::Application, new, Some(&old), &catalog());
        assert_eq!((verdict.is_admitted(), verdict.findings.len()), (is_admitted, kept), "{count}");
    }
}
