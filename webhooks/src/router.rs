//! The two endpoints, as an axum router. Who listens, with which certificate
//! and which limits, is the program's business: it lends a [`Desk`].

mod deadline;
mod unread;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fleetgate_plan::Catalog;

use self::unread::IsJson;
pub use self::unread::Unread;
use crate::review::{self, Account, Awaited, Endpoint, Reviewed, review};

/// Path of the mutating endpoint, as the webhook configurations name it.
pub const MUTATE_PATH: &str = "/mutate";
/// Path of the validating endpoint, as the webhook configurations name it.
pub const VALIDATE_PATH: &str = "/validate";

/// How long a review waits for what its answer may have come too early for.
pub const CATCH_UP: Duration = Duration::from_millis(250);

/// The largest request, in bytes: above what object and old object together
/// can be, as etcd takes 1.5 MiB each, with room for what Go escapes.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// Where Catalogs come from.
pub trait Snapshots: Clone + Send + Sync + 'static {
    /// The Catalog of this moment.
    fn current(&self) -> Catalog;

    /// A Catalog that is not `than`, or nothing if none comes within that time.
    fn newer(&self, than: &Catalog, within: Duration) -> impl Future<Output = Option<Catalog>> + Send;
}

/// Where reviews are done: how much at a time, and who hears of them.
pub trait Desk: Clone + Send + Sync + 'static {
    /// A body, for as long as it takes memory.
    type Paper: AsRef<[u8]> + Send + Sync + 'static;

    /// Reads a body, of [`MAX_BODY`] bytes at most.
    fn read(&self, body: Body, until: Instant) -> impl Future<Output = Result<Self::Paper, Unread>> + Send;

    /// Reviews a body of that [weight](review::weight) once it is its turn; not at all if that is not in time.
    fn take<T: Send + 'static>(
        &self,
        weight: usize,
        until: Instant,
        review: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Hears how a review went.
    fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration);

    /// Hears that a body was not read.
    fn unread(&self, why: Unread);
}

/// What reviews a request.
pub type Review = fn(&[u8], &Catalog, Endpoint) -> Reviewed;

/// Both endpoints.
pub fn router<S: Snapshots, D: Desk>(snapshots: S, desk: D) -> Router {
    with_review(snapshots, desk, review)
}

/// Both endpoints with another review: one that fails shows what becomes of that.
pub fn with_review<S: Snapshots, D: Desk>(snapshots: S, desk: D, review: Review) -> Router {
    let office = |endpoint| Office { snapshots: snapshots.clone(), desk: desk.clone(), endpoint, review };
    Router::new()
        .route(MUTATE_PATH, post(answer::<S, D>).with_state(office(Endpoint::Mutating)))
        .route(VALIDATE_PATH, post(answer::<S, D>).with_state(office(Endpoint::Validating)))
}

/// One endpoint.
#[derive(Clone)]
struct Office<S, D> {
    snapshots: S,
    desk: D,
    endpoint: Endpoint,
    review: Review,
}

async fn answer<S: Snapshots, D: Desk>(
    State(office): State<Office<S, D>>,
    RawQuery(query): RawQuery,
    IsJson(is_json): IsJson,
    body: Body,
) -> Response {
    let start = Instant::now();
    let until = start + deadline::patience(query.as_deref());
    // Nothing of the head is kept while its body comes.
    drop(query);
    let read = if is_json { office.desk.read(body, until).await } else { Err(Unread::NotJson) };
    match read {
        Ok(body) => {
            let reviewed = office.review(Arc::new(body), until).await;
            office.desk.reviewed(office.endpoint, &reviewed.account, start.elapsed());
            respond(&reviewed)
        }
        Err(why) => {
            office.desk.unread(why);
            why.into_response()
        }
    }
}

impl<S: Snapshots, D: Desk> Office<S, D> {
    async fn review(&self, body: Arc<D::Paper>, until: Instant) -> Reviewed {
        let mut catalog = self.snapshots.current();
        let Some(mut reviewed) = self.look(&body, until, &catalog).await else {
            return review::shed(body.as_ref().as_ref());
        };
        // From here on: the first review of a process also compiles the schemas.
        let start = Instant::now();
        while let Some(newer) = caught_up(&self.snapshots, catalog, reviewed.awaits, start).await {
            // Whoever has no second turn has an answer already.
            let Some(again) = self.look(&body, until, &newer).await else { break };
            reviewed = again;
            catalog = newer;
        }
        reviewed
    }

    /// Reviews, when there is a turn.
    async fn look(&self, body: &Arc<D::Paper>, until: Instant, catalog: &Catalog) -> Option<Reviewed> {
        let weight = review::weight(body.as_ref().as_ref());
        let (review, endpoint) = (self.review, self.endpoint);
        let (body, catalog) = (Arc::clone(body), catalog.clone());
        let look = move || {
            let body = body.as_ref().as_ref();
            caught(body, || review(body, &catalog, endpoint))
        };
        self.desk.take(weight, until, look).await
    }
}

/// What a review says, also where it panics. Nothing is shared with it but the Catalog, which nobody
/// writes to.
fn caught(body: &[u8], review: impl FnOnce() -> Reviewed) -> Reviewed {
    catch_unwind(AssertUnwindSafe(review)).unwrap_or_else(|_| review::failed(body))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Outcome;

    #[test]
    fn a_review_that_panics_is_answered_with_its_uid() {
        let reviewed = caught(br#"{"request": {"uid": "u-1"}}"#, || panic!("a fault of our own"));
        assert_eq!((reviewed.account.outcome, reviewed.account.about.uid.as_str()), (Outcome::Failed, "u-1"));
        let response = reviewed.response.response.expect("a response");
        assert_eq!((response.uid.as_str(), response.allowed, response.result.code), ("u-1", false, 500));
    }
}
