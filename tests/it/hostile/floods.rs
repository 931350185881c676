//! Any number of newcomers: they take each other's places, and nobody else's.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stopping::ask_again;
use super::webhook::{SOON, Start, Webhook};
use crate::support::admission;

/// How many connections are open that say nothing: more than there may be.
const SILENT: usize = 400;

/// Connects again and again, a thousand times a second, and says nothing.
async fn flood(address: SocketAddr) {
    let mut silent = VecDeque::new();
    let mut beat = tokio::time::interval(Duration::from_millis(100));
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

/// Asks for the numbers again and again; counts what is told and what is refused.
async fn scrape(address: SocketAddr, until: Instant) -> (u32, u32) {
    let (mut told, mut refused) = (0, 0);
    while Instant::now() < until {
        let answer = async { get(&mut TcpStream::connect(address).await?, "/metrics").await };
        match answer.await.unwrap_or_default().get(..12) {
            Some("HTTP/1.1 200") => told += 1,
            Some("HTTP/1.1 503") => refused += 1,
            // A connection that made room.
            _ => {}
        }
    }
    (told, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_whether_it_lives_is_answered_however_many_want_its_numbers() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let address = webhook.health_address;
    let until = Instant::now() + Duration::from_secs(5);
    let probes = async {
        let (mut longest, mut count) = (Duration::ZERO, 0);
        while Instant::now() < until {
            for path in ["/livez", "/readyz"] {
                let start = Instant::now();
                let probe = async { get(&mut TcpStream::connect(address).await?, path).await };
                let answer = tokio::time::timeout(SOON, probe).await.expect("an answer within a second");
                let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
                (longest, count) = (longest.max(start.elapsed()), count + 1);
            }
            webhook.is_well("many want its numbers").await;
        }
        println!("{count} probes, the longest {longest:?}");
        count
    };
    let scrapes = join_all((0..40).map(|_| scrape(address, until)));
    let (count, scrapes) = tokio::select! {
        () = flood(address) => unreachable!("it goes on for ever"),
        both = async { tokio::join!(probes, scrapes) } => both,
    };
    let (told, refused): (Vec<u32>, Vec<u32>) = scrapes.into_iter().unzip();
    let (told, refused): (u32, u32) = (told.iter().sum(), refused.iter().sum());
    println!("numbers were told {told} times, and refused {refused} times");
    assert!(count >= 10 && told > 0 && refused > 0, "{count} {told} {refused}");
    let numbers = tokio::time::timeout(SOON, webhook.health("/metrics")).await.expect("in time");
    assert!(numbers.expect("its numbers").contains("fleetgate_connections"));
}
