//! The two endpoints, as an axum router. Who listens, with which certificate
//! and which limits, is the program's business.

use std::future::Future;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fleetgate_plan::Catalog;

use crate::review::{Awaited, Endpoint, Reviewed, review};

/// Path of the mutating endpoint, as the webhook configurations name it.
pub const MUTATE_PATH: &str = "/mutate";
/// Path of the validating endpoint, as the webhook configurations name it.
pub const VALIDATE_PATH: &str = "/validate";

/// How long a review waits for what its answer may have come too early for.
pub const CATCH_UP: Duration = Duration::from_millis(250);

/// The largest request, in bytes: above what object and old object together
/// can be, as etcd takes 1.5 MiB each.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// Where Catalogs come from.
pub trait Snapshots: Clone + Send + Sync + 'static {
    /// The Catalog of this moment.
    fn current(&self) -> Catalog;

    /// A Catalog that is not `than`, or nothing if none comes within that time.
    fn newer(&self, than: &Catalog, within: Duration) -> impl Future<Output = Option<Catalog>> + Send;
}

/// Both endpoints.
pub fn router<S: Snapshots>(snapshots: S) -> Router {
    Router::new()
        .route(MUTATE_PATH, post(mutate::<S>))
        .route(VALIDATE_PATH, post(validate::<S>))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(snapshots)
}

async fn mutate<S: Snapshots>(State(snapshots): State<S>, body: Bytes) -> Response {
    respond(&review(&body, &snapshots.current(), Endpoint::Mutating))
}

async fn validate<S: Snapshots>(State(snapshots): State<S>, body: Bytes) -> Response {
    let mut catalog = snapshots.current();
    let mut reviewed = review(&body, &catalog, Endpoint::Validating);
    // From here on: the first review of a process also compiles the schemas.
    let start = Instant::now();
    while let Some(newer) = caught_up(&snapshots, catalog, reviewed.awaits, start).await {
        reviewed = review(&body, &newer, Endpoint::Validating);
        catalog = newer;
    }
    respond(&reviewed)
}

/// A Catalog in which what is awaited may be, if one comes in time.
async fn caught_up<S: Snapshots>(
    snapshots: &S,
    mut catalog: Catalog,
    awaited: Option<Awaited>,
    start: Instant,
) -> Option<Catalog> {
    let awaited = awaited?;
    loop {
        let left = CATCH_UP.checked_sub(start.elapsed()).filter(|left| !left.is_zero())?;
        let newer = snapshots.newer(&catalog, left).await?;
        if awaited.may_have_come(&catalog, &newer) {
            return Some(newer);
        }
        catalog = newer;
    }
}

fn respond(reviewed: &Reviewed) -> Response {
    match serde_json::to_vec(&reviewed.response) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
