//! An update is not refused for what is stored already.
//!
//! Rules grow, and objects may have been stored while no gate stood. Someone
//! who changes another part of such an object should not have to repair all of
//! it first: its old errors become warnings. A fault is old if the stored
//! object, judged against the same Catalog, has the same code, at the same
//! place and for the same offending value.

mod identity;

use std::collections::HashMap;

use self::identity::{Identity, Version};
use crate::finding::Severity;
use crate::judge::Verdict;
use crate::schema::Kind;

/// What is said before a fault that is as old as the object.
const AS_STORED: &str = "stored so already, not refused on an update";

/// Makes warnings of those errors of `new` that `stored` has, too.
pub(crate) fn soften(kind: Kind, new: &mut Verdict, stored: &Verdict) {
    let mut known: HashMap<Identity, usize> = HashMap::new();
    // What had an early name knows of its schema by its new one only: a `null` there is nothing by then.
    let stored_object = kind.schema().prepared(&stored.object);
    let mut old = Version::of(&stored_object);
    for finding in stored.of_severity(Severity::Error) {
        *known.entry(old.identity(finding)).or_default() += 1;
    }
    if known.is_empty() {
        return;
    }
    let object = kind.schema().prepared(&new.object);
    let mut version = Version::of(&object);
    for finding in new.findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        // One stored fault excuses one, and not its repetitions.
        if let Some(left) = known.get_mut(&version.identity(finding))
            && *left > 0
        {
            *left -= 1;
            finding.severity = Severity::Warning;
            let colon = if finding.message.is_empty() { "" } else { ": " };
            finding.message = format!("{AS_STORED}{colon}{}", finding.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, fleet_object, git_source, kustomization};
    use crate::{Severity, Verdict};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn update(from: &Value, to: &Value) -> Verdict {
        let kind = if to["kind"] == "Fleet" { Kind::Fleet } else { Kind::Application };
        judge(kind, to.clone(), Some(from), &catalog())
    }

    fn errors(from: &Value, to: &Value) -> Vec<String> {
        let verdict = update(from, to);
        verdict
            .of_severity(Severity::Error)
            .map(|finding| format!("{} {}", finding.path, finding.code))
            .collect()
    }

    fn policy(name: &str, interval: &str) -> Value {
        let mut kustomized = kustomization();
        kustomized["interval"] = json!(interval);
        json!({"name": name, "kustomization": kustomized})
    }

    fn app(policies: &[Value]) -> Value {
        application("shop", json!({"source": git_source(), "syncPolicies": policies}))
    }

    #[test]
    fn an_old_fault_stays_and_a_new_one_does_not_come() {
        let (good, bad) = (policy("a", "5m"), policy("a", "often"));
        let other = || policy("b", "5m");
        let path =
            |index: usize| format!("spec.syncPolicies[{index}].kustomization.interval source/interval");
        // (what, stored, new, errors)
        let table = [
            ("the same again", vec![bad.clone()], vec![bad.clone()], vec![]),
            ("something else changes", vec![bad.clone()], vec![bad.clone(), other()], vec![]),
            ("it moves", vec![bad.clone(), other()], vec![other(), bad.clone()], vec![]),
            ("it comes", vec![good.clone()], vec![bad.clone()], vec![path(0)]),
            ("another bad value", vec![bad.clone()], vec![policy("a", "seldom")], vec![path(0)]),
            ("another policy", vec![bad.clone()], vec![policy("b", "often")], vec![path(0)]),
            ("a second one", vec![bad.clone()], vec![bad.clone(), policy("b", "often")], vec![path(1)]),
            ("it goes", vec![bad], vec![good], vec![]),
        ];
        for (what, from, to, expected) in table {
            assert_eq!(errors(&app(&from), &app(&to)), expected, "{what}");
        }
    }

    #[test]
    fn a_generated_name_is_a_name() {
        let unnamed = |interval: &str| {
            let mut policy = policy("", interval);
            policy.as_object_mut().expect("an object").remove("name");
            policy
        };
        let (from, to) = (app(&[unnamed("often")]), app(&[unnamed("often"), unnamed("5m")]));
        assert_eq!(errors(&from, &to), [""; 0]);
        assert_eq!(errors(&from, &app(&[policy("shop-0", "often")])), [""; 0]);
        assert_eq!(errors(&from, &app(&[unnamed("5m"), unnamed("often")])).len(), 1);
    }

    #[test]
    fn a_fault_without_a_value_is_about_all_that_stands_there() {
        let with = |url: &str, branch: &str| {
            let mut object = app(&[policy("a", "5m")]);
            object["spec"]["source"]["helmRepository"] = json!({"url": url});
            object["spec"]["source"]["gitRepository"]["ref"]["branch"] = json!(branch);
            object
        };
        let from = with("https://e.com", "main");
        assert_eq!(errors(&from, &with("https://e.com", "next")), [""; 0]);
        let other = with("https://other.com", "main");
        assert_eq!(errors(&from, &other), ["spec.source.helmRepository source/exactly-one"]);
    }

    #[test]
    fn a_fleets_clusters_are_known_by_name() {
        let fleet = |names: &[&str]| {
            let clusters: Vec<Value> =
                names.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
            fleet_object("quickstart", json!({"clusters": clusters}))
        };
        assert_eq!(errors(&fleet(&["m1", "m1"]), &fleet(&["m2", "m1", "m1"])), [""; 0]);
        assert_eq!(
            errors(&fleet(&["m1", "m1"]), &fleet(&["m1", "m1", "m1"])),
            ["spec.clusters[2] fleet/duplicate-cluster"]
        );
    }

    #[test]
    fn an_old_fault_is_said_as_a_warning() {
        let verdict = update(&app(&[policy("a", "often")]), &app(&[policy("a", "often"), policy("b", "5m")]));
        assert!(verdict.is_admitted());
        let text = verdict.findings[0].to_string();
        let head = "spec.syncPolicies[0].kustomization.interval: \"often\": stored so already, not refused on an update: must be";
        assert!(text.starts_with(head) && text.ends_with("[source/interval]"), "{text}");
    }

    #[test]
    fn a_null_under_an_early_name_is_as_good_as_nothing() {
        let mut from = app(&[]);
        let spec = from["spec"].as_object_mut().expect("a spec");
        spec.remove("syncPolicies");
        spec.insert("syncPolicy".to_owned(), json!([{"kustomization": {"interval": "5m", "prune": null}}]));
        let mut to = app(&[json!({"kustomization": {"interval": "5m"}})]);
        to["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(errors(&from, &to), [""; 0]);
        assert_eq!(errors(&from, &from), [""; 0]);
    }

    #[test]
    fn of_names_that_are_stored_with_two_values_one_may_change_and_not_both() {
        let with = |early: &str, new: &str| {
            let mut object = app(&[policy("a", "5m")]);
            let url = |name: &str| json!({"url": format!("https://e.com/{name}"), "interval": "5m"});
            object["spec"]["source"] = json!({"gitRepo": url(early), "gitRepository": url(new)});
            Kind::Application.schema().prepare(&mut object);
            object
        };
        let from = with("a", "b");
        // (what, new, errors)
        let table = [
            ("the same again", with("a", "b"), vec![]),
            ("the new name changes", with("a", "c"), vec![]),
            ("the early name changes", with("c", "b"), vec![]),
            ("both change", with("c", "d"), vec!["spec.source.gitRepo object/deprecated-field"]),
        ];
        for (what, to, expected) in table {
            assert_eq!(errors(&from, &to), expected, "{what}");
        }
    }

    #[test]
    fn the_schemas_faults_are_excused_too() {
        let mut from = app(&[policy("a", "5m")]);
        from["spec"]["syncPolicies"][0]["kustomization"]["prune"] = json!("yes");
        let mut to = from.clone();
        to["spec"]["source"]["gitRepository"]["interval"] = json!("10m");
        assert_eq!(errors(&from, &to), [""; 0]);
    }

    /// Policies of few names and intervals, so that old faults meet new ones.
    fn policies() -> impl Strategy<Value = Vec<Value>> {
        let name = prop::sample::select(vec!["a", "b", "B", "not a name", ""]);
        let interval = prop::sample::select(vec!["5m", "often", "-1s", "0s", ""]);
        let destination = prop::sample::select(vec![
            json!(null),
            json!({"fleet": "quickstart"}),
            json!({"fleet": ""}),
            json!(7),
        ]);
        let policy = (name, interval, destination).prop_map(|(name, interval, destination)| {
            let mut policy = policy(name, interval);
            policy["destination"] = destination;
            policy
        });
        prop::collection::vec(policy, 0..4)
    }

    proptest! {
        #[test]
        fn what_is_stored_is_never_refused_and_nothing_gets_worse(from in policies(), to in policies()) {
            let (from, to) = (app(&from), app(&to));
            prop_assert_eq!(errors(&from, &from), [""; 0]);
            let alone = judge(Kind::Application, to.clone(), None, &catalog());
            let stored = judge(Kind::Application, from.clone(), None, &catalog());
            let verdict = update(&from, &to);
            let count = |verdict: &Verdict, code: &str| verdict.of_severity(Severity::Error).filter(|finding| finding.code == code).count();
            for finding in alone.of_severity(Severity::Error) {
                let (left, all) = (count(&verdict, finding.code), count(&alone, finding.code));
                prop_assert!(left <= all, "nothing is added");
                prop_assert!(all - left <= count(&stored, finding.code), "{} is excused by nothing", finding.code);
            }
        }
    }
}
