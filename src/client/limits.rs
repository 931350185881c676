//! How long an API server is waited for, and what notices that it is gone.
//!
//! | what happened | what notices it | after |
//! | --- | --- | --- |
//! | its node lost its power, or the network to it | nothing is acknowledged any more | a minute |
//! | it takes a request, and says nothing | [`Limits::answer`] | 65 s |
//! | it says nothing more in the middle of an answer | [`Limits::silence`] | five minutes |
//!
//! A watch on which nothing happens is as silent as one of an API server that hangs on a node that lives: kube-runtime
//! opens one anew that says nothing for longer than it was asked for, which is as good as five minutes, too.

use std::fmt;
use std::time::Duration;

use axum::http::{Method, Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;
use tower::BoxError;

/// A connection on which nothing has come for so long is probed, as Go's clients do,
const QUIET: Duration = Duration::from_secs(30);
/// so often,
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
/// and so many times.
const PROBES: u32 = 3;

/// How long an API server is waited for that lives, as far as its node tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From a request to where its answer begins. API servers give up by themselves after 60 s, and are to be heard.
    pub(super) answer: Duration,
    /// From one part of an answer to the next. Watches are of 290 s, and given up by kube-runtime after 295 s.
    pub(super) silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { answer: Duration::from_secs(65), silence: Duration::from_mins(5) }
    }
}

impl Limits {
    /// Waits for the answer to what was asked.
    ///
    /// # Errors
    ///
    /// When there is none, or not in time.
    pub(super) async fn answered<T, E: Into<BoxError>>(
        self,
        asked: Asked,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BoxError> {
        match timeout(self.answer, answer).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Unanswered { asked, limit: self.answer }.into()),
        }
    }
}

/// What was asked, as far as an error tells it.
#[derive(Debug)]
pub(super) struct Asked {
    method: Method,
    uri: Uri,
}

impl<B> From<&Request<B>> for Asked {
    fn from(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone() }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.uri.path())
    }
}

/// A request that nobody answers.
#[derive(Debug, thiserror::Error)]
#[error("{asked} was not answered within {limit:?}")]
struct Unanswered {
    asked: Asked,
    limit: Duration,
}

/// Makes connections that send at once what there is to send, and end when nobody is there any more.
///
/// A connection on which something waits to be acknowledged is not probed: that is what the second limit is for, which
/// is also how long Linux probes. With less than the probes take, one that is lost would end the connection.
pub(super) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(QUIET));
    connector.set_keepalive_interval(Some(PROBE_INTERVAL));
    connector.set_keepalive_retries(Some(PROBES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(QUIET + PROBE_INTERVAL * PROBES));
    connector
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::pending;

    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_answered_says_what_was_asked_and_for_how_long() {
        let request = Request::patch("https://10.0.0.1/api/v1/namespaces/a?fieldManager=b").body(());
        let (limits, asked) = (Limits::default(), Instant::now());
        let never = pending::<Result<(), Infallible>>();
        let error = limits.answered(Asked::from(&request.expect("a request")), never).await;
        let error = error.expect_err("nobody answers").to_string();
        assert_eq!(error, "PATCH /api/v1/namespaces/a was not answered within 65s");
        assert_eq!(asked.elapsed().as_secs(), limits.answer.as_secs());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn connections_are_probed_for_a_minute() {
        use socket2::SockRef;
        use tower::ServiceExt as _;

        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("it listens");
        let uri = format!("https://{}", listener.local_addr().expect("an address"));
        let stream = connector().oneshot(uri.parse().expect("a URL")).await.expect("a connection");
        let stream = stream.into_inner();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option") && socket.tcp_nodelay().expect("an option"));
        let seconds = [
            socket.tcp_keepalive_time().expect("an option").as_secs(),
            socket.tcp_keepalive_interval().expect("an option").as_secs(),
            socket.tcp_keepalive_retries().expect("an option").into(),
            socket.tcp_user_timeout().expect("an option").expect("a limit").as_secs(),
        ];
        assert_eq!(seconds, [30, 10, 3, 60]);
    }
}
