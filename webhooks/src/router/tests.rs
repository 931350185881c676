use super::*;
use crate::review::Outcome;
use axum::body::{Bytes, to_bytes};

/// A Catalog and a desk, of which nothing is needed.
#[derive(Clone)]
struct Lone;

impl Snapshots for Lone {
    fn current(&self) -> Catalog {
        Catalog::default()
    }

    async fn newer(&self, _than: &Catalog, _within: Duration) -> Option<Catalog> {
        None
    }
}

impl Desk for Lone {
    type Paper = Bytes;

    async fn read(&self, body: Body, _until: Instant) -> Result<Bytes, Unread> {
        to_bytes(body, MAX_BODY).await.map_err(|_| Unread::Broken)
    }

    async fn take<T: Send + 'static>(
        &self,
        _weight: usize,
        _until: Instant,
        review: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        Some(review())
    }

    fn reviewed(&self, _endpoint: Endpoint, _account: &Account, _took: Duration) {}

    fn unread(&self, _why: Unread) {}
}

#[tokio::test]
async fn a_review_that_panics_is_answered_with_its_uid() {
    let review = |_: &[u8], _: &Catalog, _: Endpoint| panic!("a fault of our own");
    let office = Office { snapshots: Lone, desk: Lone, endpoint: Endpoint::Validating, review };
    let body = Bytes::from_static(br#"{"request": {"uid": "u-1"}}"#);
    let reviewed = office.review(Arc::new(body), Instant::now()).await;
    assert_eq!((reviewed.account.outcome, reviewed.account.about.uid.as_str()), (Outcome::Failed, "u-1"));
    let response = reviewed.response.response.expect("a response");
    assert_eq!((response.uid.as_str(), response.allowed, response.result.code), ("u-1", false, 500));
}
