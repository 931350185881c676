//! HTTP/2, which API servers do not speak to Services, and others may; and TLS 1.2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use fleetgate_sandbox::wait::{Probe, until};
use futures::future::join_all;
use futures::poll;
use h2::RecvStream;
use h2::client::{SendRequest, handshake};
use http::{Request, Response};
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, join, split};

use super::request::{answer, head, review};
use super::webhook::{Start, Webhook};
use crate::support::admission;

/// A connection of HTTP/2.
async fn connect(webhook: &Webhook) -> anyhow::Result<SendRequest<Bytes>> {
    let (client, connection) = handshake(webhook.connect_by(&TLS13, b"h2").await?).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn request() -> Request<()> {
    let request = Request::post("https://webhook/validate?timeout=30s");
    request.header("content-type", "application/json").body(()).expect("a request")
}

async fn text(answer: Response<RecvStream>) -> anyhow::Result<String> {
    let (mut body, mut bytes) = (answer.into_body(), Vec::new());
    while let Some(chunk) = body.data().await.transpose()? {
        body.flow_control().release_capacity(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(bytes)?)
}

/// Posts a good review that is longer by so many bytes.
async fn ask(webhook: &Webhook, longer: usize) -> anyhow::Result<(u16, String)> {
    let mut client = connect(webhook).await?.ready().await?;
    let (answer, mut sending) = client.send_request(request(), false)?;
    let body = review("streams").to_string() + &" ".repeat(longer);
    sending.send_data(body.into(), true)?;
    let answer = answer.await?;
    assert!(client.current_max_send_streams() <= 4, "{}", client.current_max_send_streams());
    Ok((answer.status().as_u16(), text(answer).await?))
}

/// Begins four requests whose bodies do not come; returns how each was answered, if it was, and the connection, which
/// lasts until its client is dropped.
async fn stall(webhook: &Webhook) -> anyhow::Result<(SendRequest<Bytes>, Vec<Option<u16>>)> {
    let mut client = connect(webhook).await?;
    let mut begun = Vec::new();
    for _ in 0..4 {
        client = client.ready().await?;
        let (answer, mut sending) = client.send_request(request(), false)?;
        sending.send_data(Bytes::from_static(&[b' '; 100]), false)?;
        begun.push((answer, sending));
    }
    let answers =
        begun.into_iter().map(async |(answer, _sending)| Some(answer.await.ok()?.status().as_u16()));
    Ok((client, join_all(answers).await))
}

/// The half of a connection on which nothing is heard until its time has come.
struct Deaf<R> {
    reader: R,
    hears: Arc<AtomicBool>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Deaf<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever changes that asks again.
        if !self.hears.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Pin::new(&mut self.reader).poll_read(context, into)
    }
}

/// Ten requests at once on one connection, whose client has not heard yet how many there may be: their bodies come once
/// some of them were refused.
#[tokio::test(flavor = "multi_thread")]
async fn more_streams_than_there_may_be_are_refused_and_the_others_go_on() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let (reader, writer) = split(webhook.connect_by(&TLS13, b"h2").await.expect("a connection"));
    let hears = Arc::new(AtomicBool::new(false));
    let stream = join(Deaf { reader, hears: Arc::clone(&hears) }, writer);
    let (mut client, mut connection) = handshake(stream).await.expect("HTTP/2");
    let mut begun = Vec::new();
    for _ in 0..10 {
        begun.push(client.send_request(request(), false).expect("it begins"));
    }
    // All of them are sent, and only then it hears that they are too many.
    assert!(poll!(&mut connection).is_pending());
    hears.store(true, Ordering::Relaxed);
    let connection = tokio::spawn(connection);
    let (taken, over): (Vec<_>, Vec<_>) = begun.into_iter().enumerate().partition(|(place, _)| *place < 4);
    for (place, (answer, _sending)) in over {
        let error = answer.await.expect_err("it is one too many");
        assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM), "{place}: {error}");
    }
    // None has to wait for the answer of another: a body has not much time.
    let taken: Vec<_> = taken
        .into_iter()
        .map(|(place, (answer, mut sending))| {
            sending.send_data(review("streams").to_string().into(), true).expect("it is still open");
            (place, answer)
        })
        .collect();
    for (place, answer) in taken {
        let answer = answer.await.expect("an answer");
        let (status, text) = (answer.status(), text(answer).await.expect("a text"));
        assert!(status == 200 && text.contains("\"allowed\":true"), "{place}: {status} {text}");
    }
    // On the same connection, and whatever went before.
    let mut client = client.ready().await.expect("it is still open");
    let (answer, mut sending) = client.send_request(request(), false).expect("it begins");
    sending.send_data(review("streams").to_string().into(), true).expect("it is sent");
    assert_eq!(answer.await.expect("an answer").status(), 200);
    assert!(!connection.is_finished());
    assert_eq!(webhook.number::<u32>("fleetgate_connections_dropped_total{reason=\"displaced\"}").await, 0);
}

/// Takes back what it asks as it asks it.
async fn reset(webhook: &Webhook) -> anyhow::Result<()> {
    let mut client = connect(webhook).await?;
    for _ in 0..1_000 {
        client = client.ready().await?;
        let (_, mut sending) = client.send_request(request(), false)?;
        sending.send_reset(h2::Reason::CANCEL);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_and_nobody_has_much_of_it() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    for longer in [0, 20 * 1024, 1024 * 1024] {
        let (status, text) = ask(webhook, longer).await.expect("an answer");
        assert!(status == 200 && text.contains("\"allowed\":true"), "{longer}: {status} {text}");
    }
    let good = async {
        let mut beat = tokio::time::interval(Duration::from_millis(500));
        for _ in 0..6 {
            beat.tick().await;
            webhook.is_well("streams that stall").await;
        }
    };
    let (stalled, ()) = tokio::join!(join_all((0..200).map(|_| stall(webhook))), good);
    let (clients, answers): (Vec<_>, Vec<_>) = stalled.into_iter().flatten().unzip();
    let answered: Vec<u16> = answers.into_iter().flatten().flatten().collect();
    assert!((4..=64 * 4).contains(&answered.len()), "{}", answered.len());
    assert!(answered.iter().all(|status| *status == 408), "{answered:?}");
    drop(clients);
    is_spoken(webhook).await;
    drop(join_all((0..20).map(|_| reset(webhook))).await);
    webhook.is_well("requests that were taken back").await;
    is_spoken(webhook).await;
}

/// Waits until there is room for one more: a connection ends a moment after its client.
async fn is_spoken(webhook: &Webhook) {
    let spoken = until("HTTP/2 to be spoken", Duration::from_secs(30), async || {
        Ok(match ask(webhook, 0).await {
            Ok((200, _)) => Probe::Done(()),
            other => Probe::NotYet(format!("{other:?}")),
        })
    });
    spoken.await.expect("it is spoken");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_spoken() {
    let webhook = Webhook::start(admission(), Start::default()).await;
    let mut stream = webhook.connect_by(&TLS12, b"http/1.1").await.expect("a connection");
    let body = review("TLS 1.2").to_string();
    stream.write_all((head("/validate", body.len()) + &body).as_bytes()).await.expect("it is sent");
    let (status, text) = answer(&mut stream).await.expect("an answer");
    assert!(status == 200 && text.contains("\"allowed\":true"), "{status} {text}");
}
