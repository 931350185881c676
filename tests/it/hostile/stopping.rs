//! A webhook that is asked to stop, while it is asked other things, too.

use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::request::{answer, head, review};
use super::webhook::{Start, Webhook};
use crate::support::{admission, terminate};

/// Asks on a connection that stays; returns the head of the answer.
pub(crate) async fn ask_again(stream: &mut TlsStream<TcpStream>) -> String {
    let body = review("again").to_string();
    let head = head("/validate", body.len()).replace("connection: close\r\n", "");
    stream.write_all((head + &body).as_bytes()).await.expect("it is sent");
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains("\"allowed\":true") {
        let read = stream.read(&mut buffer).await.expect("an answer");
        assert!(read > 0, "the connection ends after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text.split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
}

/// API servers keep connections for a minute and a half, and do not ask twice where one ends as they ask.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_is_asked_stays() {
    let webhook = Webhook::start(admission(), Start::default()).await;
    let mut stream = webhook.connect().await.expect("a connection");
    for pause in [0, 4_900, 5_100, 7_000] {
        // The time that passes is what this is about.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert!(!ask_again(&mut stream).await.contains("connection: close"));
    }
}

/// How long it takes on whatever comes, in seconds; after that it stops once nobody asks for a second.
const DRAIN: &str = "3";
/// Who asks so seldom may find that it has stopped.
const LULL: Duration = Duration::from_millis(700);

/// A busy machine may hold up whoever asks for so long that it stops: that shows nothing, and is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn who_stops_answers_what_still_comes_and_what_is_under_way() {
    for _ in 0..3 {
        if answers_while_it_stops().await {
            return;
        }
    }
    panic!("nobody asks steadily here");
}

/// Whether what was asked meanwhile was asked steadily.
async fn answers_while_it_stops() -> bool {
    let start = Start { flags: &["--drain-seconds", DRAIN], ..Start::default() };
    let mut webhook = Webhook::start(admission(), start).await;
    let mut kept = webhook.connect().await.expect("a connection");
    ask_again(&mut kept).await;
    let mut under_way = webhook.connect().await.expect("a connection");
    let body = review("under way").to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let first = head("/validate?timeout=10s", body.len()) + first;

    let asked = Instant::now();
    drop(terminate(&mut webhook.process));
    let unready = until("it not to be ready", Duration::from_secs(30), async || {
        Ok(match webhook.health("/readyz").await {
            Ok(text) => Probe::NotYet(text),
            Err(_) => Probe::Done(()),
        })
    });
    unready.await.expect("it is not ready at once");
    assert!(webhook.health("/livez").await.is_ok());
    assert!(ask_again(&mut kept).await.contains("connection: close"), "it is to ask elsewhere");
    let mut last = Instant::now();
    webhook.is_well("the wish that it stops").await;
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let mut begun: Option<Instant> = None;
    // A body has not much time of its own.
    while begun.is_none_or(|begun| begun.elapsed() < Duration::from_secs(1)) {
        beat.tick().await;
        if begun.is_none() && asked.elapsed() > Duration::from_millis(2_500) {
            // What became of that the answer tells.
            drop(under_way.write_all(first.as_bytes()).await);
            begun = Some(Instant::now());
        }
        // Its window is over once nobody asks; that is not so yet.
        let answer = webhook.ask("/validate", body.as_bytes()).await;
        if last.elapsed() > LULL {
            return false;
        }
        last = Instant::now();
        assert!(answer.is_ok_and(|(status, _)| status == 200));
    }
    under_way.write_all(rest.as_bytes()).await.expect("it is sent");
    let (status, text) = answer(&mut under_way).await.expect("an answer");
    assert!(status == 200 && text.contains("\"allowed\":true"), "{text}");
    let log = webhook.log();
    assert!(terminate(&mut webhook.process).await.success(), "{log}");
    true
}
