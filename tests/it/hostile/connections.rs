//! Connections: too many of them, too slow, or of something else.

use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::{head, review};
use super::webhook::{Start, Webhook};
use crate::support::admission;

/// How long is waited for what is to end after seconds; idleness alone ends after minutes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the other side has closed.
async fn is_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> bool {
    let mut buffer = [0; 1024];
    let read = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, read).await.is_ok()
}

/// As many idle connections as there may be descriptors here, ten thousand at most.
const IDLE: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections_are_in_nobodys_way() {
    let webhook = Webhook::start(admission(), Start::default()).await;
    let mut idle = Vec::new();
    while idle.len() < IDLE {
        let shaken = join_all((0..100).map(|_| webhook.connect())).await;
        idle.extend(shaken.into_iter().filter_map(Result::ok));
        if idle.len() % 2_000 == 0 {
            webhook.is_well(&format!("{} idle connections", idle.len())).await;
        }
    }
    assert!(webhook.number::<u32>("fleetgate_connections").await <= 1_000);
    let displaced = "fleetgate_connections_dropped_total{reason=\"displaced\"}";
    assert!(webhook.number::<u32>(displaced).await >= 8_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_that_run_out_come_back_from_those_who_do_nothing() {
    let webhook = Webhook::start(admission(), Start { descriptors: Some(64), ..Start::default() }).await;
    let mut idle = Vec::new();
    // On a busy machine so many may not come at once.
    let ran_out = until("the descriptors to run out", PATIENCE, async || {
        idle.extend(join_all((0..300).map(|_| webhook.connect())).await.into_iter().flatten());
        let log = webhook.log();
        Ok(if log.contains("no connection can be accepted") { Probe::Done(()) } else { Probe::NotYet(log) })
    });
    ran_out.await.expect("it is told");
    webhook.is_well("300 connections with 64 descriptors").await;
    drop(idle);
    webhook.is_well("their end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_is_let_go() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let silent = async {
        let mut stream = TcpStream::connect(webhook.address).await.expect("a connection");
        is_closed(&mut stream).await
    };
    let dripping = async |text: String| {
        let stream = webhook.connect().await.expect("a connection");
        let (mut read, mut write) = tokio::io::split(stream);
        let drip = async {
            let mut beat = tokio::time::interval(Duration::from_millis(100));
            for byte in text.as_bytes() {
                beat.tick().await;
                if write.write_all(&[*byte]).await.is_err() || write.flush().await.is_err() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = drip => true,
            closed = is_closed(&mut read) => closed,
        }
    };
    let good = async {
        webhook.is_well("slow clients came").await;
        true
    };
    let slow = format!("POST /validate HTTP/1.1\r\nx-long: {}", "a".repeat(1_000));
    let plain = async {
        let mut stream = TcpStream::connect(webhook.address).await.expect("a connection");
        stream.write_all(head("/validate", 0).as_bytes()).await.expect("it is sent");
        is_closed(&mut stream).await
    };
    let (silent, slow, plain, good) = tokio::join!(silent, dripping(slow), plain, good);
    assert_eq!((silent, slow, plain, good), (true, true, true, true));
    webhook.is_well("slow clients").await;
}

/// Asks again and again for what has a long answer, and reads nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    let mut denied = review("unread");
    denied["request"]["object"]["spec"]["syncPolicies"] = json!(vec![json!({}); 100]);
    let body = denied.to_string();
    let request = head("/validate", body.len()).replace("connection: close\r\n", "") + &body;
    let mut stream = webhook.connect_narrowly(4 * 1024).await.expect("a connection");
    let start = Instant::now();
    let unread = async {
        let mut asked = 0_u32;
        while stream.write_all(request.as_bytes()).await.is_ok() {
            asked += 1;
        }
        asked
    };
    let asked = tokio::time::timeout(PATIENCE, unread).await.expect("it is let go");
    println!("let go after {:?} and {asked} requests", start.elapsed());
    assert!(start.elapsed() >= Duration::from_secs(9), "{:?}", start.elapsed());
    assert!(webhook.number::<u32>("fleetgate_connections_dropped_total{reason=\"late\"}").await >= 1);
    webhook.is_well("a client that reads nothing").await;
}
