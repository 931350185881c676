//! A thousand of everything is no fault, but a controller that it breaks has one.

use serde_json::{Value, json};

use super::host;
use super::record::{Expected, Record};
use super::stage::{Half, Stage, application, source};
use crate::delivery::becomes;

const THOUSAND: usize = 1000;

/// The longest object that is meant to be, in bytes of JSON.
const LONGEST: usize = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_a_thousand_clusters() {
    let host = host().await;
    let stage = Stage::set(&host, "thousand-clusters", THOUSAND).await;
    let mut everywhere = application(0, Half::Even);
    everywhere["spec"]["syncPolicies"][0]["destination"] = json!({"fleet": "all"});
    let children = [Half::Even, Half::Odd].into_iter().flat_map(|half| stage.on(half, 0));
    let object = delivered(&stage, everywhere, children, "False Progressing 0/1000").await;
    assert!(length(&object) < LONGEST, "{} bytes", length(&object));
    let shown = object["status"]["clusters"].as_array().map_or(0, Vec::len);
    assert_eq!(object["status"]["omittedClusters"], THOUSAND - shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_a_thousand_policies() {
    let host = host().await;
    let stage = Stage::set(&host, "thousand-policies", 1).await;
    let mut many = application(0, Half::Even);
    let policy = many["spec"]["syncPolicies"][0].clone();
    let policies = (0..THOUSAND).map(|number| {
        let mut policy = policy.clone();
        policy["name"] = format!("web-{number}").into();
        policy
    });
    many["spec"]["syncPolicies"] = policies.collect();
    let children = (0..THOUSAND).flat_map(|number| stage.on(Half::Even, number));
    let object = delivered(&stage, many, children, "False Progressing 0/1:").await;
    let status = &object["status"];
    assert!(length(status) < LONGEST, "{} bytes", length(status));
    let shown = status["policies"].as_array().map_or(0, Vec::len);
    assert_eq!(status["omittedPolicies"], THOUSAND - shown);
}

/// Has the Application delivered as these children, each written once: returns it when that is said of it.
async fn delivered(
    stage: &Stage<'_>,
    application: Value,
    children: impl Iterator<Item = String>,
    said: &str,
) -> Value {
    let record = Record::begin(stage).await;
    let mut expected = Expected::default();
    expected.added(children.chain([source(0)]));
    assert_eq!(expected.standing().len(), THOUSAND + 1);
    let _controller = stage.controller(&["--no-leader-election"]);
    stage.apply(vec![application]).await;
    expected.happens(&record).await;
    let object = becomes(stage.sandbox, stage.namespace, "app-0", said).await;
    stage.stands(expected.standing()).await;
    // A busy API server may have refused some, which are asked for again.
    let carried_out = stage.writes() - stage.answered(400..=599);
    assert_eq!((carried_out, stage.written_again()), (THOUSAND + 1, 0), "one request each");
    object
}

/// As JSON without blanks, which is what the API server stores.
fn length(value: &Value) -> usize {
    value.to_string().len()
}
