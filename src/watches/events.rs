//! The events of a watch, which is opened again by itself: after a rest that grows for as long as it fails.
//!
//! ```text
//! list ─▶ events ─▶ fails ─▶ rest ─▶ goes on, or lists anew
//! ```
//!
//! kube-runtime's own rests end with whatever is no error. A list begins before it is asked for, though, so that one
//! which always fails would be asked for once a second, for ever.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, DefaultBackoff, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

/// What there is, and what becomes of it.
pub(crate) fn events<K>(
    objects: Api<K>,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let watch = Watch::open(move || watcher(objects.clone(), config.clone()).boxed());
    stream::unfold(watch, async |mut watch| watch.next().await.map(|event| (event, watch)))
}

struct Watch<K, O> {
    open: O,
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    rests: DefaultBackoff,
    /// What is to pass before the next event.
    rest: Option<Duration>,
}

impl<K, O> Watch<K, O>
where
    O: Fn() -> BoxStream<'static, watcher::Result<Event<K>>>,
{
    fn open(open: O) -> Self {
        Self { events: open(), open, rests: DefaultBackoff::default(), rest: None }
    }

    async fn next(&mut self) -> Option<watcher::Result<Event<K>>> {
        if let Some(rest) = self.rest.take() {
            sleep(rest).await;
        }
        let event = self.events.next().await?;
        match &event {
            // That a list begins, and of what, says nothing of its end.
            Ok(Event::Init | Event::InitApply(_)) => {}
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => self.rests.reset(),
            Err(error) => {
                self.rest = self.rests.next();
                if is_over(error) {
                    self.events = (self.open)();
                }
            }
        }
        Some(event)
    }
}

/// Whether the watch is not to go on where it left off: what stands there under the kind's next CRD may be older than
/// that, and what was lost is not told again.
fn is_over(error: &watcher::Error) -> bool {
    loses(error) || matches!(error, watcher::Error::WatchStartFailed(source) if is_not_found(source))
}

/// Whether something happened to an object that nobody knows of now: it was told, and cannot be decoded. To kube that is
/// an error of the API server's if it is JSON at all, since a status need not have anything.
pub(super) const fn loses(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchFailed(kube::Error::SerdeError(_) | kube::Error::Api(_)))
}

/// Whether there is no such kind.
pub(crate) fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found() || status.code == 404)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::{StatusCode, Uri};
    use fleetgate_api::Fleet;
    use kube::Client;
    use serde_json::{Value, json};
    use tokio::time::{Instant, timeout};

    fn status(code: u16) -> (StatusCode, String) {
        let status =
            json!({"kind": "Status", "status": "Failure", "reason": "no", "code": code, "message": "no"});
        (StatusCode::from_u16(code).expect("a status"), status.to_string())
    }

    fn list() -> (StatusCode, String) {
        let list = json!({"kind": "FleetList", "metadata": {"resourceVersion": "7"}, "items": [fleet("a")]});
        (StatusCode::OK, list.to_string())
    }

    fn fleet(name: &str) -> Value {
        json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": name, "namespace": "default", "resourceVersion": "8"}, "spec": {},
        })
    }

    /// Events of an API server that answers so, told whether it is asked for a watch and how often it was for that.
    fn of(
        answer: impl Fn(bool, usize) -> (StatusCode, String) + Clone + Send + Sync + 'static,
    ) -> (impl Stream<Item = watcher::Result<Event<Fleet>>>, Arc<[AtomicUsize; 2]>) {
        let asked: Arc<[AtomicUsize; 2]> = Arc::default();
        let counted = Arc::clone(&asked);
        let answer = async move |uri: Uri| {
            let is_watch = uri.query().is_some_and(|query| query.contains("watch=true"));
            let [lists, watches] = &*counted;
            let before = if is_watch { watches } else { lists }.fetch_add(1, Ordering::SeqCst);
            answer(is_watch, before)
        };
        let client = Client::new(Router::new().fallback(answer), "default");
        (events(Api::<Fleet>::all(client), watcher::Config::default()), asked)
    }

    fn count(asked: &[AtomicUsize; 2]) -> [usize; 2] {
        [0, 1].map(|of| asked[of].load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_always_fails_is_asked_for_less_and_less() {
        let (events, asked) = of(|_, _| status(500));
        let mut events = std::pin::pin!(events);
        let all = async { while events.next().await.is_some() {} };
        assert!(timeout(Duration::from_mins(5), all).await.is_err(), "it goes on");
        let [lists, watches] = count(&asked);
        assert!((6..=15).contains(&lists) && watches == 0, "{lists} lists, {watches} watches");
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_complete_has_rests_begin_anew() {
        // From the eighth list on, each is answered, and none can be watched: that is over each time.
        let (events, asked) = of(|is_watch, before| match (is_watch, before) {
            (true, _) => status(404),
            (false, ..7) => status(500),
            (false, _) => list(),
        });
        let mut events = std::pin::pin!(events);
        let mut next = async || {
            let start = Instant::now();
            while !matches!(events.next().await, Some(Ok(Event::InitDone))) {}
            start.elapsed()
        };
        assert!(next().await > Duration::from_mins(1), "seven failed");
        let again = next().await;
        assert!(again < Duration::from_secs(2), "{again:?}");
        assert_eq!(count(&asked), [9, 1], "what is over is listed anew");
    }

    /// kube-runtime would go on as if nothing had been told.
    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_decoded_is_listed() {
        let told = json!({"type": "ADDED", "object": {"metadata": 5}}).to_string();
        for undecodable in [told, "no JSON".to_owned()] {
            let (events, asked) =
                of(
                    move |is_watch, _| {
                        if is_watch { (StatusCode::OK, format!("{undecodable}\n")) } else { list() }
                    },
                );
            let mut events = std::pin::pin!(events);
            let again = async {
                while !matches!(events.next().await, Some(Ok(Event::InitDone))) {}
                assert_eq!(count(&asked), [1, 0]);
                while !matches!(events.next().await, Some(Ok(Event::InitDone))) {}
            };
            timeout(Duration::from_secs(5), again).await.expect("it is listed again");
            assert_eq!(count(&asked), [2, 1]);
        }
    }

    /// Where a later page always fails, the first one is not to be asked for once a second either.
    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_list_is_no_success() {
        let (events, asked) = of(|_, before| {
            let part = json!({
                "kind": "FleetList", "metadata": {"resourceVersion": "7", "continue": "next"}, "items": [fleet("a")],
            });
            if before.is_multiple_of(2) { (StatusCode::OK, part.to_string()) } else { status(500) }
        });
        let mut events = std::pin::pin!(events);
        let all = async { while events.next().await.is_some() {} };
        assert!(timeout(Duration::from_mins(5), all).await.is_err(), "it goes on");
        let [lists, _] = count(&asked);
        assert!((12..=30).contains(&lists), "{lists} pages");
    }
}
