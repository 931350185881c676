//! The span of a look at an object.

use fleetgate_sandbox::collector::{Collector, Span};
use serde_json::json;

use crate::program::{PATIENCE, Program, Webhook};

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_an_object_is_a_span_with_what_it_asks_the_api_server() {
    let collector = Collector::start().await.expect("a collector");
    let endpoint = collector.endpoint();
    let webhook = Webhook::start("traced-looks", &[], &[]).await;
    let arguments = ["controller", "--otlp-endpoint", &endpoint, "--no-leader-election"];
    let soon = [("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let controller = Program::start(&arguments, webhook.sandbox.controller_kubeconfig(), &soon);
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "all", "namespace": "traced-looks"},
        "spec": {"clusters": []},
    });
    webhook.post("apis/fleet.kurator.dev/v1alpha1", "fleets", &fleet, None).await.expect("it is admitted");
    let is_look = |span: &Span| {
        span.name == "reconcile"
            && span.attributes["fleetgate.controller"] == "fleet"
            && span.attributes["k8s.namespace.name"] == "traced-looks"
            && span.attributes["fleetgate.object.name"] == "all"
    };
    let looks = collector.has(1, is_look, PATIENCE).await.expect("a look at it");
    assert_eq!(looks[0].resource["service.name"], "fleetgate-controller");
    // What a request is called is kube's own matter.
    let is_part = |span: &Span| {
        let asked =
            span.attributes.get("http.url").is_some_and(|url| url.contains("/traced-looks/fleets/all"));
        asked && collector.spans().iter().any(|look| is_look(look) && look.id == span.parent)
    };
    collector.has(1, is_part, PATIENCE).await.expect("a request of it");
    let log = controller.stop().await;
    let alone = |span: &&Span| span.attributes.contains_key("http.url") && span.parent.is_empty();
    let spans = collector.spans();
    assert_eq!(spans.iter().find(alone), None, "watches are no traces\n{log}");
}
