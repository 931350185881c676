//! The AdmissionReview protocol, over the router: what arrives as bytes and
//! what is answered.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

mod support;

use fleetgate_plan::Catalog;
use fleetgate_webhooks::Kind;
use fleetgate_webhooks::review::{Operation, Outcome};
use fleetgate_webhooks::router::{MUTATE_PATH, VALIDATE_PATH};
use serde_json::{Value, json};

use support::{Alone, Fixed, application, bad, create, fleet, good, post, post_to, request};

#[tokio::test]
async fn a_good_application_is_admitted_without_a_patch() {
    for path in [MUTATE_PATH, VALIDATE_PATH] {
        let response = post(path, create(good()), Fixed::default()).await;
        assert_eq!(response["uid"], "u-1");
        assert_eq!(response["allowed"], true, "{response}");
        assert_eq!(response.get("patch"), None);
        assert_eq!(response.get("warnings"), None);
    }
}

#[tokio::test]
async fn a_bad_one_is_refused_with_all_its_faults() {
    for path in [MUTATE_PATH, VALIDATE_PATH] {
        let response = post(path, create(bad()), Fixed::default()).await;
        assert_eq!(response["allowed"], false);
        let status = &response["status"];
        assert_eq!((&status["reason"], &status["code"]), (&json!("Invalid"), &json!(422)));
        assert_eq!(status["details"]["kind"], "Application");
        let fields: Vec<&str> = status["details"]["causes"]
            .as_array()
            .expect("causes")
            .iter()
            .filter_map(|cause| cause["field"].as_str())
            .collect();
        assert_eq!(fields, ["spec.source.helmRepository", "spec.syncPolicies[1].destination"]);
        assert_eq!(
            status["details"]["causes"][0]["message"],
            "Forbidden: may not be set together with gitRepository; an Application has one source; make another Application for the other [source/exactly-one]"
        );
        assert_eq!(response["warnings"].as_array().expect("the fleet's warning").len(), 1);
    }
}

#[tokio::test]
async fn early_names_are_patched_with_the_least_that_is_needed() {
    let mut object = good();
    let git = object["spec"]["source"]["gitRepository"].take();
    object["spec"]["source"] = json!({"gitRepo": git});
    let response = post(MUTATE_PATH, create(object), Fixed::default()).await;
    assert_eq!(response["patchType"], "JSONPatch");
    let patch: Vec<u8> =
        serde_json::from_value(response["patch"].clone()).unwrap_or_else(|_| decode(&response["patch"]));
    let patch: Value = serde_json::from_slice(&patch).expect("a patch");
    let mut touched: Vec<&str> =
        patch.as_array().expect("operations").iter().filter_map(|op| op["path"].as_str()).collect();
    touched.sort_unstable();
    assert_eq!(touched, ["/spec/source/gitRepo", "/spec/source/gitRepository"]);
}

/// The patch is base64 on the wire.
fn decode(patch: &Value) -> Vec<u8> {
    let encoded: k8s_openapi::ByteString = serde_json::from_value(patch.clone()).expect("base64");
    encoded.0
}

#[tokio::test]
async fn what_is_no_review_is_refused_with_the_uid() {
    let whole = create(good());
    let mut no_request: Value = serde_json::from_str(&whole).expect("JSON");
    no_request.as_object_mut().expect("an object").remove("request");
    let mut other_kind: Value = serde_json::from_str(&whole).expect("JSON");
    other_kind["request"]["kind"]["kind"] = json!("Deployment");
    let mut other_version: Value = serde_json::from_str(&whole).expect("JSON");
    other_version["apiVersion"] = json!("admission.k8s.io/v1beta1");
    let table = [
        (whole[..whole.len() - 1].to_owned(), "u-1", "cannot be read"),
        (no_request.to_string(), "", "has no request"),
        (other_kind.to_string(), "u-1", "not a kind that Fleetgate reviews"),
        (other_version.to_string(), "u-1", "v1beta1"),
        (
            whole.replace("apps.kurator.dev\",", "\\u001b[31m\","),
            "u-1",
            "\"\\u{1b}[31m/v1alpha1 Application\" is not",
        ),
        ("kind: AdmissionReview".to_owned(), "", "cannot be read"),
        (String::new(), "", "cannot be read"),
        ("[".repeat(10_000), "", "cannot be read"),
        ("[".repeat(100_000), "", "more than 76000 values"),
    ];
    for (body, uid, reason) in table {
        let response = post(MUTATE_PATH, body.clone(), Fixed::default()).await;
        assert_eq!(response["allowed"], false);
        assert_eq!(response["uid"], uid);
        assert!(
            response["status"]["message"].as_str().is_some_and(|message| message.contains(reason)),
            "{response}"
        );
    }
}

#[tokio::test]
async fn an_object_of_another_shape_is_refused_with_its_faults() {
    for object in [
        json!("text"),
        json!([1]),
        application(json!(5)),
        application(json!({"source": "git", "syncPolicies": {}})),
    ] {
        let response = post(MUTATE_PATH, create(object.clone()), Fixed::default()).await;
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(false)), "{object}");
        assert!(
            response["status"]["message"].as_str().is_some_and(|text| text.contains("object/unreadable")),
            "{response}"
        );
    }
}

#[tokio::test]
async fn an_object_of_another_kind_than_the_requests_is_refused() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"}, "spec": {}});
    for object in [pod, json!({}), json!({"spec": good()["spec"]})] {
        let response = post(MUTATE_PATH, create(object.clone()), Fixed::default()).await;
        assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(false)), "{object}");
        let message = response["status"]["message"].as_str().expect("a reason");
        assert!(
            message.contains("the request is about a apps.kurator.dev/v1alpha1 Application"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_comes_with_a_creation_excuses_nothing() {
    for path in [MUTATE_PATH, VALIDATE_PATH] {
        let response = post(path, request("CREATE", bad(), bad()).to_string(), Fixed::default()).await;
        assert_eq!(response["allowed"], false, "{response}");
    }
}

#[tokio::test]
async fn a_denial_lists_a_hundred_findings_and_counts_the_rest() {
    let policies: Vec<Value> = (0..150).map(|_| json!({})).collect();
    let mut object = good();
    object["spec"]["syncPolicies"] = json!(policies);
    let response = post(MUTATE_PATH, create(object), Fixed::default()).await;
    let causes = response["status"]["details"]["causes"].as_array().expect("causes");
    assert_eq!(causes.len(), 101);
    assert_eq!(causes[100]["message"], "and 50 more findings, which `fleetgate check` lists");
}

#[tokio::test]
async fn never_in_the_way() {
    let mut deleting = bad();
    deleting["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut released = deleting.clone();
    released["metadata"]["finalizers"] = json!([]);
    let mut labelled = bad();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let mut terminating = Catalog::default();
    terminating.set_terminating("default", true);
    let terminating = Fixed { now: terminating, next: None };
    let table = [
        ("an object on its way out", request("UPDATE", released, deleting), Fixed::default()),
        ("the same spec", request("UPDATE", labelled, bad()), Fixed::default()),
        ("a deletion", request("DELETE", Value::Null, bad()), Fixed::default()),
        ("a namespace on its way out", request("CREATE", bad(), Value::Null), terminating),
    ];
    for (what, body, snapshots) in table {
        for path in [MUTATE_PATH, VALIDATE_PATH] {
            let response = post(path, body.to_string(), snapshots.clone()).await;
            assert_eq!(response["allowed"], true, "{what}: {response}");
            assert_eq!(response.get("patch"), None, "{what}");
            assert_eq!(response.get("warnings"), None, "{what}");
        }
    }
}

/// What is stored is read by all who list, on its way out or not.
#[tokio::test]
async fn another_spec_is_reviewed_on_the_way_out_too() {
    let going = |mut object: Value| {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        object
    };
    let mut terminating = Catalog::default();
    terminating.set_terminating("default", true);
    let table = [
        ("of an object", request("UPDATE", going(bad()), going(good())), Fixed::default()),
        ("of an object that only says so", request("UPDATE", going(bad()), good()), Fixed::default()),
        ("of a namespace", request("UPDATE", bad(), good()), Fixed { now: terminating, next: None }),
    ];
    for (what, body, snapshots) in table {
        for path in [MUTATE_PATH, VALIDATE_PATH] {
            let response = post(path, body.to_string(), snapshots.clone()).await;
            assert_eq!(response["allowed"], false, "{what}: {response}");
        }
    }
}

#[tokio::test]
async fn a_fleet_that_is_on_its_way_is_waited_for() {
    // The first review compiles the schemas, which may take all the time that there is to wait.
    post(VALIDATE_PATH, create(good()), Fixed::default()).await;
    let mut object = good();
    object["spec"]["destination"] = json!({"fleet": "quickstart"});
    let waits = Fixed { now: Catalog::default(), next: Some(fleet("quickstart")) };
    let response = post(VALIDATE_PATH, create(object.clone()), waits).await;
    assert_eq!(response.get("warnings"), None, "{response}");

    let misses = Fixed { now: fleet("production"), next: None };
    let response = post(VALIDATE_PATH, create(object), misses).await;
    let warning = response["warnings"][0].as_str().expect("a warning");
    assert!(
        warning.contains("there is only \"production\"") && warning.ends_with("[ref/fleet]"),
        "{warning}"
    );
}

#[tokio::test]
async fn warnings_fit_the_api_servers_limits() {
    let mut object = good();
    let policy = |index: usize| json!({"name": format!("P{index}"), "kustomization": {"interval": "0s", "prune": true}});
    object["spec"]["syncPolicies"] = (0..200).map(policy).collect();
    let response = post(VALIDATE_PATH, create(object), Fixed::default()).await;
    let warnings: Vec<&str> =
        response["warnings"].as_array().expect("warnings").iter().filter_map(Value::as_str).collect();
    assert!(warnings.len() > 10);
    assert!(warnings.iter().all(|warning| warning.chars().count() < 256));
    assert!(warnings.iter().map(|warning| warning.len()).sum::<usize>() <= 4_096);
}

#[tokio::test]
async fn who_has_no_turn_is_asked_to_try_again() {
    let desk = Alone { is_busy: true, ..Alone::default() };
    let response = post_to(&desk, VALIDATE_PATH, create(good()), Fixed::default()).await;
    assert_eq!((&response["uid"], &response["allowed"]), (&json!("u-1"), &json!(false)));
    let status = &response["status"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(429), &json!("TooManyRequests")));
    assert_eq!(status["details"], json!({"retryAfterSeconds": 1}));
    let accounts = desk.accounts.lock().expect("no panic");
    assert_eq!((accounts.len(), accounts[0].outcome), (1, Outcome::Shed));
}

#[tokio::test]
async fn a_review_is_told_of_without_its_object() {
    let desk = Alone::default();
    let mut unnamed = bad();
    unnamed["metadata"] = json!({"generateName": "shop-"});
    let mut unnamed = request("CREATE", unnamed, Value::Null);
    unnamed["request"]["name"] = Value::Null;
    unnamed["request"]["dryRun"] = json!(true);
    for (path, body) in [
        (MUTATE_PATH, unnamed.to_string()),
        (VALIDATE_PATH, request("UPDATE", good(), good()).to_string()),
        (VALIDATE_PATH, "{}".to_owned()),
    ] {
        post_to(&desk, path, body, Fixed::default()).await;
    }
    let accounts = desk.accounts.lock().expect("no panic");
    let told: Vec<_> = accounts
        .iter()
        .map(|account| {
            let about = &account.about;
            (account.outcome, about.operation, about.namespace.as_str(), about.name.as_str(), about.dry_run)
        })
        .collect();
    assert_eq!(
        told,
        [
            (Outcome::Denied, Operation::Create, "default", "shop-", true),
            (Outcome::Allowed, Operation::Update, "default", "shop", false),
            (Outcome::Malformed, Operation::Other, "", "", false),
        ]
    );
    assert_eq!(accounts[0].codes, ["source/exactly-one", "destination/mixed", "ref/fleet"]);
    assert_eq!(accounts[0].about.kind, Some(Kind::Application));
}
