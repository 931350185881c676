//! Where the numbers are had, and whether the program is alive and ready.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use tokio::sync::Semaphore;

use super::Metrics;

/// What Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The most who wait for the numbers at a time. Each has a connection, and most of these are for those who look whether
/// the program is alive and ready: it would be ended if they were not answered.
const SCRAPES: usize = 16;

/// `/metrics`, `/livez` and `/readyz`.
pub(crate) fn router(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(scrape).with_state((metrics.clone(), Arc::default())))
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(readiness).with_state(metrics))
}

/// Those who want the numbers.
struct Scrapes {
    places: Semaphore,
    /// They are written for one after the other: however many ask, the other processors are left for reviews.
    turn: Semaphore,
}

impl Default for Scrapes {
    fn default() -> Self {
        Self { places: Semaphore::new(SCRAPES), turn: Semaphore::new(1) }
    }
}

async fn scrape(State((metrics, scrapes)): State<(Metrics, Arc<Scrapes>)>) -> impl IntoResponse {
    let Ok(_place) = scrapes.places.try_acquire() else {
        let text = "too many ask for the numbers at a time: try again";
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response();
    };
    // It closes for nobody.
    let _turn = scrapes.turn.acquire().await;
    let mut text = String::new();
    match encode(&mut text, &metrics.0.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Who waits for the Lease is ready, too: it takes over at any moment.
async fn readiness(State(metrics): State<Metrics>) -> (StatusCode, &'static str) {
    metrics.unready().map_or((StatusCode::OK, "ok"), |why| (StatusCode::SERVICE_UNAVAILABLE, why))
}
