//! What is told, and by which name.

use super::*;
use crate::client::Verb;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use fleetgate_api::Application;
use fleetgate_webhooks::review::{About, Account, Operation, Outcome};
use fleetgate_webhooks::router::Unread;
use fleetgate_webhooks::{Endpoint, Kind};
use kube::runtime::reflector::ObjectRef;
use tower::ServiceExt;

async fn get(metrics: &Metrics, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = router(metrics.clone()).oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8(body.into()).expect("UTF-8"))
}

#[tokio::test]
async fn numbers_are_told_in_the_words_of_the_documentation() {
    let metrics = Metrics::new(Leadership::Undisputed);
    let call = |verb| Call { verb, kind: "Fleet" };
    let conflict = Some(StatusCode::CONFLICT);
    for (verb, status) in [(Verb::Apply, conflict), (Verb::Delete, None), (Verb::Read, conflict)] {
        metrics.answered(call(verb), status);
    }
    let watching = metrics.watching();
    watching.answered(call(Verb::Watch), Some(StatusCode::OK), Instant::now());
    metrics.reconciled(Controlled::Fleet, false, Duration::from_millis(3));
    metrics.count_clusters(None, || BTreeMap::from([("ready", 7)]));
    metrics.count_clusters(None, || BTreeMap::from([("ready", 2)]));
    metrics.count_clusters(Some("a".to_owned()), || BTreeMap::from([("ready", 1), ("unknown", 1)]));
    metrics.count_held(None, || 2);
    metrics.count_held(Some("a".to_owned()), || 1);
    let denied = Account {
        about: About { kind: Some(Kind::Fleet), operation: Operation::Update, ..About::default() },
        outcome: Outcome::Denied,
        codes: vec!["fleet/provider", "ref/cluster"],
    };
    metrics.reviews().reviewed(Endpoint::Mutating, &denied, Duration::from_micros(100));
    metrics.reviews().unread(Unread::TooSlow);
    let catalog = CatalogWatch::default();
    catalog.health().failed("Fleets", Instant::now());
    metrics.tell_of_catalog(catalog);
    let health = metrics.health_of_controllers();
    health.begun("kustomizations", Instant::now());
    metrics.count_connections(Connections::at_most(1, 1));
    metrics.queue(None).name(&ObjectRef::<Application>::new("shop"));
    let (status, text) = get(&metrics, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        "fleetgate_writes_total{verb=\"apply\",kind=\"Fleet\",outcome=\"conflict\"} 1",
        "fleetgate_writes_total{verb=\"delete\",kind=\"Fleet\",outcome=\"failed\"} 1",
        "fleetgate_reconcile_seconds_count{controller=\"fleet\",outcome=\"failed\"} 1",
        "fleetgate_leader 1",
        "fleetgate_queue_depth{controller=\"application\"} 1",
        "fleetgate_queue_oldest_seconds{controller=\"application\"} 0.",
        "fleetgate_prunes_held 3",
        "fleetgate_connections 0",
        "fleetgate_catalog_objects{kind=\"Cluster\"} 0",
        "fleetgate_catalog_age_seconds{watch=\"Fleets\"} 0.",
        "fleetgate_catalog_unreadable{watch=\"Fleets\"} 0",
        "fleetgate_reviews_total{kind=\"Fleet\",operation=\"UPDATE\",verdict=\"denied\",code=\"fleet/provider\"} 1",
        "fleetgate_review_seconds_bucket{le=\"0.000125\",webhook=\"mutating\"} 1",
        "fleetgate_requests_unread_total{reason=\"too-slow\"} 1",
        "fleetgate_connections_dropped_total{reason=\"late\"} 0",
        "fleetgate_watch_age_seconds{watch=\"Fleet\"} 0.",
        "fleetgate_controller_watch_age_seconds{watch=\"kustomizations\"} 0.",
        "fleetgate_clusters{kind=\"AttachedCluster\",state=\"ready\"} 3",
        concat!("fleetgate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "process_start_time_seconds ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.lines().any(|said| said.starts_with(line)), "{line} is not said:\n{text}");
    }
    assert!(!text.contains("read\""), "{text}");
    let documented = include_str!("../../docs/running.md");
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in names {
        assert!(documented.contains(name), "{name} is not in docs/running.md");
    }
}

#[tokio::test]
async fn readiness_comes_with_the_catalog_and_not_with_the_lease() {
    let metrics = Metrics::new(Leadership::none_yet());
    assert_eq!(get(&metrics, "/livez").await.0, StatusCode::OK);
    let (status, text) = get(&metrics, "/readyz").await;
    assert_eq!(
        (status, text.trim()),
        (StatusCode::SERVICE_UNAVAILABLE, "the cluster has not been listed yet")
    );
    metrics.ready();
    assert_eq!(get(&metrics, "/readyz").await.0, StatusCode::OK);
    metrics.stopping();
    assert_eq!(get(&metrics, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get(&metrics, "/livez").await.0, StatusCode::OK);
    let (_, text) = get(&metrics, "/metrics").await;
    assert!(text.contains("fleetgate_leader 0") && !text.contains("state="), "{text}");
}

/// The alert is for what somebody has to mend.
#[test]
fn what_is_not_there_is_not_refused() {
    let table = [
        (Some(200), "succeeded"),
        (Some(201), "succeeded"),
        (Some(403), "refused"),
        (Some(404), "missing"),
        (Some(409), "conflict"),
        (Some(422), "refused"),
        (Some(429), "throttled"),
        (Some(500), "failed"),
        (None, "failed"),
    ];
    for (status, expected) in table {
        let status = status.map(|status| StatusCode::from_u16(status).expect("a status"));
        assert_eq!(outcome(status), expected, "{status:?}");
    }
}
