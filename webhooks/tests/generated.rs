//! The laws of the review, over generated Applications: what is valid is
//! admitted, and what has one thing broken is refused for that thing.

#![allow(clippy::expect_used, reason = "a test says what it expects")]

use fleetgate_generator::{MUTATIONS, application, clusters, fleet};
use fleetgate_plan::{Catalog, Cluster};
use fleetgate_webhooks::rules::CATALOGUE;
use fleetgate_webhooks::{Kind, Severity, Verdict, judge};
use proptest::prelude::*;
use serde_json::{Value, json};

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for cluster in clusters() {
        let cluster: fleetgate_api::AttachedCluster =
            serde_json::from_value(cluster).expect("an AttachedCluster");
        catalog.insert_cluster(Cluster::from(&cluster));
    }
    catalog.insert_fleet(&serde_json::from_value(fleet()).expect("a Fleet"));
    catalog
}

fn verdict(object: &Value, old: Option<&Value>) -> Verdict {
    judge(Kind::Application, object.clone(), old, &catalog())
}

fn errors(verdict: &Verdict) -> Vec<String> {
    verdict.of_severity(Severity::Error).map(ToString::to_string).collect()
}

#[test]
fn every_mutation_names_a_rule() {
    for mutation in MUTATIONS {
        assert!(CATALOGUE.iter().any(|rule| rule.code == mutation.code), "{}", mutation.code);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_valid_is_admitted(object in application()) {
        let verdict = verdict(&object, None);
        prop_assert_eq!(errors(&verdict), Vec::<String>::new());
    }

    #[test]
    fn defaulting_twice_is_defaulting_once(object in application()) {
        let once = verdict(&object, None).object;
        prop_assert_eq!(&verdict(&once, None).object, &once);
        keeps(&object, &once)?;
    }

    #[test]
    fn an_update_that_changes_nothing_gets_no_denial_and_no_patch(object in application()) {
        let stored = verdict(&object, None).object;
        let again = verdict(&stored, Some(&stored));
        prop_assert_eq!(errors(&again), Vec::<String>::new());
        prop_assert_eq!(again.object, stored);
    }

    #[test]
    fn one_broken_thing_is_refused_for_that_thing(object in application()) {
        for mutation in MUTATIONS {
            let mut broken = object.clone();
            if (mutation.apply)(&mut broken) {
                let verdict = verdict(&broken, None);
                let is_found = verdict.of_severity(Severity::Error).any(|finding| finding.code == mutation.code);
                prop_assert!(is_found, "{} is not refused as {}: {:?} {}", mutation.what, mutation.code, errors(&verdict), broken);
            }
        }
    }
}

/// Every field that the user set is still there, with its value.
fn keeps(asked: &Value, stored: &Value) -> Result<(), TestCaseError> {
    match (asked, stored) {
        (Value::Object(asked), Value::Object(stored)) => {
            for (field, value) in asked {
                keeps(value, stored.get(field).unwrap_or(&json!(null)))?;
            }
        }
        (Value::Array(asked), Value::Array(stored)) => {
            prop_assert_eq!(asked.len(), stored.len());
            for (asked, stored) in asked.iter().zip(stored) {
                keeps(asked, stored)?;
            }
        }
        _ => prop_assert_eq!(asked, stored),
    }
    Ok(())
}
