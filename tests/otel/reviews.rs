//! The span of a review.

use fleetgate_sandbox::collector::{Collector, Span};

use crate::program::{PATIENCE, UNTOLD, Webhook};

/// Sends what there is at once.
const AT_ONCE: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

fn said<'a>(span: &'a Span, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| span.attributes.get(*name).map_or("-", String::as_str)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_is_two_spans_in_the_trace_of_who_asked_for_it() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const UNSAMPLED: &str = "5bf92f3577b34da6a3ce929d0e0e4736";
    let collector = Collector::start().await.expect("a collector");
    let endpoint = collector.endpoint();
    let webhook =
        Webhook::start("traced", &["--otlp-endpoint", &endpoint, "--log-level", "trace"], &[AT_ONCE]).await;
    let unsampled = format!("00-{UNSAMPLED}-00f067aa0ba902b7-00");
    webhook.create("unsampled", "5m0s", Some(&unsampled)).await.expect("it is admitted");
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    webhook.create("shop", "5m0s", Some(&parent)).await.expect("it is admitted");
    let spans = collector.has(2, |span| span.trace == TRACE, PATIENCE).await.expect("its spans");
    for (span, which) in spans.iter().zip(["mutating", "validating"]) {
        assert_eq!((span.name.as_str(), span.is_failed), ("admission.review", false), "{span:#?}");
        assert_eq!(span.parent, "00f067aa0ba902b7", "of the one that asked");
        let names = ["kind", "operation", "namespace", "name", "dryrun"]
            .map(|name| format!("admission.request.{name}"));
        let names = names.each_ref().map(String::as_str);
        assert_eq!(said(span, &names), ["Application", "CREATE", "traced", "shop", "false"]);
        let names = [
            "admission.webhook",
            "admission.response.allowed",
            "fleetgate.verdict",
            "http.response.status_code",
        ];
        assert_eq!(said(span, &names), [which, "true", "allowed", "200"]);
        let uid = &span.attributes["admission.request.uid"];
        // The line of the log has the uid, too, and may come later than the span.
        webhook.program.logs(uid).await;
        assert_eq!(span.resource["service.name"], "fleetgate-webhook");
        assert_eq!(span.resource["service.version"], env!("CARGO_PKG_VERSION"));
    }
    assert!(collector.spans().iter().all(|span| span.trace != UNSAMPLED), "whoever asks may want none");

    let refused = webhook.create("wrong", "soon", Some(&parent)).await;
    assert!(refused.is_err(), "it is denied");
    let denied =
        |span: &Span| span.attributes.get("admission.request.name").is_some_and(|name| name == "wrong");
    let spans = collector.has(1, denied, PATIENCE).await.expect("its span");
    let names = ["fleetgate.verdict", "admission.response.allowed"];
    assert_eq!(said(&spans[0], &names), ["denied", "false"]);
    assert!(spans[0].attributes["fleetgate.codes"].contains('/'), "{:#?}", spans[0]);
    assert!(!spans[0].is_failed, "a denial is no fault");

    let told = format!("{:?}", collector.spans());
    assert!(!told.contains(UNTOLD), "spans tell of objects: {told}");
    let log = webhook.program.stop().await;
    assert!(!log.contains("admission.review"), "the log has no spans:\n{log}");
}

/// As an administrator sets them for all programs of a cluster.
#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_the_standard_count_and_the_last_spans_are_sent_at_the_end() {
    let collector = Collector::start().await.expect("a collector");
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=fleet".to_owned()),
        ("OTEL_SERVICE_NAME", "gate".to_owned()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test".to_owned()),
        // Longer than any test.
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let webhook = Webhook::start("traced-last", &[], &variables).await;
    webhook.create("last", "5m0s", None).await.expect("it is admitted");
    assert!(collector.spans().is_empty(), "there is time");
    let log = webhook.program.stop().await;
    // It has ended: what has not come by now does not come any more.
    let spans = collector.spans();
    let last =
        |span: &&Span| span.attributes.get("admission.request.name").is_some_and(|name| name == "last");
    assert_eq!(spans.iter().filter(last).count(), 2, "{spans:#?}\n{log}");
    let span = &spans[0];
    assert_eq!(span.headers["x-tenant"], "fleet");
    assert_eq!(
        (span.resource["service.name"].as_str(), span.resource["deployment.environment.name"].as_str()),
        ("gate", "test")
    );
}
