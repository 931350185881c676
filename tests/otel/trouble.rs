//! A collector that fails.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use fleetgate_sandbox::collector::Collector;

use crate::program::Webhook;
use crate::support::free_port;

const LOST: &str = "the collector does not take spans";

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_down_disturbs_no_review_and_is_said_once() {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let endpoint = format!("http://{address}");
    let variables = [("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let webhook = Webhook::start("traced-down", &["--otlp-endpoint", &endpoint], &variables).await;
    webhook.program.logs(LOST).await;
    for number in 0..20 {
        webhook.create(&format!("shop-{number}"), "5m0s", None).await.expect("it is admitted");
    }
    let collector = Collector::at(address).await.expect("a collector");
    let mut number = 20;
    while collector.spans().is_empty() {
        webhook.create(&format!("shop-{number}"), "5m0s", None).await.expect("it is admitted");
        number += 1;
    }
    webhook.program.logs("the collector takes spans again").await;
    let log = webhook.program.stop().await;
    assert_eq!(log.matches(LOST).count(), 1, "{log}");
    assert!(log.contains("Connection refused"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_holds_up_neither_reviews_nor_the_end() {
    // Connections are accepted by the kernel, and that is all.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "300000"),
    ];
    let webhook = Webhook::start("traced-silent", &["--otlp-endpoint", &endpoint], &variables).await;
    for number in 0..20 {
        // The API server waits five seconds, and the collector is given as many minutes.
        webhook.create(&format!("shop-{number}"), "5m0s", None).await.expect("it is admitted");
    }
    webhook.program.logs("dropped a Span").await;
    let asked = Instant::now();
    let log = webhook.program.stop().await;
    // Two seconds for the last spans, one in which nobody asked anything, and a busy machine.
    assert!(asked.elapsed() < Duration::from_mins(1), "{:?}\n{log}", asked.elapsed());
    assert!(log.contains("the last spans may not have been sent"), "{log}");
}
