//! Any number of newcomers: they take each other's places, and nobody else's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fleetgate_sandbox::wait::{Probe, until};
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

use super::stopping::ask_again;
use super::webhook::{SOON, Start, Webhook};
use crate::support::admission;

/// How many connections are open that say nothing: more than there may be.
const SILENT: usize = 400;

/// Connects again and again, a thousand times a second, and says nothing.
async fn flood(address: SocketAddr) {
    let mut silent = VecDeque::new();
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    // What was missed is not made up for: that would be another flood.
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let more = join_all((0..100).map(|_| TcpStream::connect(address))).await;
        silent.extend(more.into_iter().flatten());
        silent.drain(..silent.len().saturating_sub(SILENT));
    }
}

/// What comes back first.
async fn get(stream: &mut TcpStream, path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: webhook\r\n\r\n").as_bytes()).await?;
    let mut buffer = vec![0; 64 * 1024];
    let read = stream.read(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_connects_takes_no_connection_of_an_api_server() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let mut kept = webhook.connect().await.expect("a connection");
    ask_again(&mut kept).await;
    let good = async {
        let mut beat = tokio::time::interval(Duration::from_millis(500));
        // Until the one that is kept is one that may be left over.
        for _ in 0..24 {
            beat.tick().await;
            webhook.is_well("a flood of connections came").await;
        }
        ask_again(&mut kept).await;
    };
    tokio::select! {
        () = flood(webhook.address) => {}
        () = good => {}
    }
    let displaced = "fleetgate_connections_dropped_total{reason=\"displaced\"}";
    let displaced: u32 = webhook.number(displaced).await;
    assert!(displaced >= 1_000, "no flood: {displaced}");
}

/// How often the numbers were told, and how often they were refused.
#[derive(Default)]
struct Scraped {
    told: AtomicU32,
    refused: AtomicU32,
}

impl Scraped {
    fn count(&self) -> (u32, u32) {
        (self.told.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }
}

/// Asks for the numbers again and again; counts what is told and what is refused.
async fn scrape(address: SocketAddr, scraped: &Scraped) {
    loop {
        let answer = async { get(&mut TcpStream::connect(address).await?, "/metrics").await };
        let counter = match answer.await.unwrap_or_default().get(..12) {
            Some("HTTP/1.1 200") => &scraped.told,
            Some("HTTP/1.1 503") => &scraped.refused,
            // A connection that made room.
            _ => continue,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many failures in a row have a kubelet act; on a busy machine one may make room for others before it is heard.
const FAILURES: usize = 3;

/// Looks as a kubelet does.
async fn probe(address: SocketAddr, path: &str) {
    let mut failures = Vec::new();
    while failures.len() < FAILURES {
        let probe = async { get(&mut TcpStream::connect(address).await?, path).await };
        match tokio::time::timeout(SOON, probe).await {
            Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => return,
            other => failures.push(format!("{other:?}")),
        }
    }
    panic!("{path}: {failures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_whether_it_lives_is_answered_however_many_want_its_numbers() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let (address, scraped) = (webhook.health_address, &Scraped::default());
    let probes = async {
        let mut beat = tokio::time::interval(Duration::from_millis(250));
        // Until both were seen.
        for rounds in 0..200 {
            let (told, refused) = scraped.count();
            if rounds >= 20 && told > 0 && refused > 0 {
                break;
            }
            beat.tick().await;
            for path in ["/livez", "/readyz"] {
                probe(address, path).await;
            }
            webhook.is_well("many want its numbers").await;
        }
    };
    tokio::select! {
        () = flood(address) => unreachable!("it goes on for ever"),
        _ = join_all((0..40).map(|_| scrape(address, scraped))) => unreachable!("they go on for ever"),
        () = probes => {}
    }
    let (told, refused) = scraped.count();
    println!("numbers were told {told} times, and refused {refused} times");
    assert!(told > 0 && refused > 0, "{told} {refused}");
    let numbers = until("its numbers", Duration::from_secs(30), async || {
        Ok(match webhook.health("/metrics").await {
            Ok(numbers) => Probe::Done(numbers),
            // Those who wanted them are still let go.
            Err(error) => Probe::NotYet(error.to_string()),
        })
    });
    assert!(numbers.await.expect("they are told").contains("fleetgate_connections"));
}
