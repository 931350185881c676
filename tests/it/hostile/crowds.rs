//! More at a time than can be done.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use super::request::{answer, head, review};
use super::webhook::{Start, Webhook};
use crate::support::admission;

const MIB: usize = 1024 * 1024;

/// A request that takes a while, of an Application with so many policies.
fn long(policies: usize) -> Vec<u8> {
    let mut review = review("long");
    review["request"]["object"]["spec"]["syncPolicies"] = (0..policies)
        .map(|index| json!({"name": format!("p{index}"), "kustomization": {"interval": "5m0s", "path": "./", "prune": true}}))
        .collect();
    review.to_string().into_bytes()
}

/// The request that changes what that one creates.
fn updated(create: &[u8]) -> Vec<u8> {
    let mut review: Value = serde_json::from_slice(create).expect("JSON");
    let request = &mut review["request"];
    request["operation"] = json!("UPDATE");
    request["oldObject"] = request["object"].clone();
    request["object"]["spec"]["source"]["gitRepository"]["interval"] = json!("4m0s");
    review.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_bodies_at_once_take_turns() {
    let webhook = &Arc::new(Webhook::start(admission(), Start::default()).await);
    let padded = |bytes: usize| {
        let mut review = review("large");
        review["request"]["object"]["metadata"]["annotations"] = json!({"a": "x".repeat(bytes)});
        review.to_string().into_bytes()
    };
    for (count, bytes) in [(40, 8 * MIB), (40, 7 * MIB), (200, MIB / 4)] {
        let answers = webhook.ask_at_once("/mutate", padded(bytes), count);
        let good = async { webhook.is_well(&format!("{count} bodies of {bytes} bytes came")).await };
        let (answers, ()) = tokio::join!(answers, good);
        for answer in &answers {
            let (status, text) = answer.as_ref().expect("an answer");
            let text: String = text.chars().take(300).collect();
            assert!(matches!(status, 200 | 408 | 413 | 429), "{status} {text}");
        }
        let reviewed = answers.iter().flatten().filter(|(status, _)| *status == 200).count();
        println!("{reviewed} of {} bodies of {bytes} bytes were reviewed", answers.len());
        assert!(!answers.is_empty(), "nobody came with {bytes} bytes");
        assert!(bytes > 7 * MIB || reviewed > 0, "one after the other");
        webhook.is_well(&format!("{count} bodies of {bytes} bytes")).await;
    }
}

/// An update as they are every day: of an Application with a dozen policies, which carries who has set which of its fields,
/// and what was applied last.
fn update() -> Value {
    let mut update: Value = serde_json::from_slice(&long(12)).expect("JSON");
    let request = &mut update["request"];
    let fields: Value =
        (0..280).map(|field| (format!("f:field-{field}"), json!({".": {}, "f:name": {}}))).collect();
    let applied = request["object"].to_string();
    request["operation"] = json!("UPDATE");
    request["object"]["metadata"]["managedFields"] = json!([{"manager": "kubectl", "fieldsV1": fields}]);
    request["object"]["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
    request["oldObject"] = request["object"].clone();
    request["object"]["spec"]["syncPolicies"][0]["kustomization"]["interval"] = json!("6m0s");
    update
}

/// Asks for the review of each body again and again, until what is returned is dropped; counts those that are allowed.
/// Each is a task of its own: what they take is not to count against others.
fn again_and_again(webhook: &Arc<Webhook>, bodies: Vec<Vec<u8>>, allowed: &Arc<AtomicU32>) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    for body in bodies {
        let (webhook, allowed) = (Arc::clone(webhook), Arc::clone(allowed));
        asking.spawn(async move {
            loop {
                let asked = webhook.ask("/validate", &body).await;
                if asked.is_ok_and(|(_, text)| text.contains("\"allowed\":true")) {
                    allowed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    asking
}

#[tokio::test(flavor = "multi_thread")]
async fn an_everyday_update_does_not_wait_for_the_largest() {
    let webhook = &Arc::new(Webhook::start(admission(), Start::default()).await);
    let update = update();
    let bytes = update.to_string().len();
    assert!((20 * 1024..40 * 1024).contains(&bytes), "{bytes}");
    let allowed = Arc::new(AtomicU32::new(0));
    let _largest = again_and_again(webhook, vec![long(4_999); 6], &allowed);
    let mut beat = tokio::time::interval(Duration::from_millis(250));
    // Where other tests run, too, the largest take their time.
    for beats in 0..120 {
        if beats >= 20 && allowed.load(Ordering::Relaxed) > 1 {
            break;
        }
        beat.tick().await;
        webhook.is_well_with("Applications with 4,999 policies", &update).await;
    }
    assert!(allowed.load(Ordering::Relaxed) > 1, "the largest were reviewed, too");
}

/// What takes the most memory of each weight, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_whatever_is_reviewed_at_a_time() {
    let webhook = &Arc::new(Webhook::start(admission(), Start::default()).await);
    let dense = |policy: &str, count: usize| {
        let mut review = review("dense");
        review["request"]["object"]["spec"]["syncPolicies"] = json!("POLICIES");
        let policies = format!("[{policy}{}]", format!(",{policy}").repeat(count - 1));
        review.to_string().replace("\"POLICIES\"", &policies).into_bytes()
    };
    // Much may be said about each.
    let mut labelled = review("labelled");
    let labels: Value = (0..31_000).map(|index| (format!("-{index}"), json!("-"))).collect();
    labelled["request"]["object"]["metadata"]["labels"] = labels;
    let labelled = labelled.to_string().into_bytes();
    let path = r#"{"kustomization":{"path":"x"}}"#;
    let bodies: Vec<Vec<u8>> = [
        updated(&long(4_999)),
        updated(&labelled),
        labelled,
        updated(&dense(path, 4_999)),
        updated(&dense("5", 31_000)),
        long(4_999),
        dense(path, 1_500),
        dense("{}", 4_900),
        dense("{}", 2_600),
        dense("5", 7_000),
        dense("{}", 160),
    ]
    .into_iter()
    .flat_map(|body| [body.clone(), body.clone(), body])
    .collect();
    let asked = again_and_again(webhook, bodies, &Arc::default()).join_all();
    drop(tokio::time::timeout(Duration::from_secs(15), asked).await);
    let over = until("it to have time again", Duration::from_secs(20), async || {
        let asked = webhook.ask("/validate", review("over").to_string().as_bytes()).await;
        Ok(if asked.is_ok() { Probe::Done(()) } else { Probe::NotYet(String::new()) })
    });
    over.await.expect("an answer");
    webhook.is_well("all that takes memory").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_no_time_for_is_refused_with_an_invitation_to_try_again() {
    let webhook = &Arc::new(Webhook::start(admission(), Start::default()).await);
    let (mut shed, mut allowed) = (0, 0);
    for answer in webhook.ask_at_once("/validate?timeout=2s", long(1_000), 60).await {
        let (status, text) = answer.expect("an answer");
        // On a busy machine a body may not have come in time: nothing was reviewed then.
        if matches!(status, 408 | 429) {
            continue;
        }
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let (response, said) = (&answer["response"], &answer["response"]["status"]);
        assert_eq!((status, &response["uid"]), (200, &json!("long")), "{text}");
        if said["code"] == 429 {
            assert_eq!(
                (&response["allowed"], &said["details"]["retryAfterSeconds"]),
                (&json!(false), &json!(1))
            );
            shed += 1;
        } else {
            assert_eq!(response["allowed"], true, "{text}");
            allowed += 1;
        }
    }
    println!("{shed} of 60 were shed, and {allowed} allowed");
    assert!(shed > 0 && allowed > 0, "{shed} of 60 were shed, and {allowed} allowed");
    let number = "fleetgate_reviews_total{kind=\"other\",operation=\"other\",verdict=\"shed\",code=\"\"}";
    assert_eq!(webhook.number::<usize>(number).await, shed);
    webhook.is_well("more than there was time for").await;
}

/// Clients that announce a body, send a part of it, and then nothing.
#[derive(Clone, Copy)]
struct Stalled {
    clients: usize,
    announced: usize,
    sent: usize,
}

impl Stalled {
    /// Asks as all of them, of whom those that can come to `connected` first; returns how each of these was answered,
    /// if it was.
    async fn ask(self, webhook: &Webhook, connected: &Barrier) -> Vec<Option<u16>> {
        let ask = async || {
            let stream = webhook.connect().await;
            connected.wait().await;
            let answer = self.ask_on(stream.ok()?).await;
            Some(answer.ok().map(|(status, _)| status))
        };
        join_all((0..self.clients).map(|_| ask())).await.into_iter().flatten().collect()
    }

    async fn ask_on(self, mut stream: TlsStream<TcpStream>) -> io::Result<(u16, String)> {
        stream.write_all(head("/validate?timeout=30s", self.announced).as_bytes()).await?;
        stream.write_all(&vec![b' '; self.sent]).await?;
        stream.flush().await?;
        answer(&mut stream).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_holds_up_nobody() {
    const KIB: usize = 1024;
    let webhook = &Webhook::start(admission(), Start::default()).await;
    for (what, clients, announced, sent) in [
        // No more than may be newcomers at a time, so that none of them is let go for another.
        ("a few bytes", 200, 8 * MIB, 100),
        ("16 KiB of 17", 1_100, 17 * KIB, 16 * KIB),
        ("257 KiB of 300", 40, 300 * KIB, 257 * KIB),
        ("17 KiB of 256", 40, 256 * KIB, 17 * KIB),
        ("all but a byte", 1, 8 * MIB, 8 * MIB - 1),
    ] {
        let start = Instant::now();
        let stalled = Stalled { clients, announced, sent };
        let connected = Barrier::new(clients + 1);
        let good = async {
            // Who comes among a thousand that only connect may be let go for another: that is a flood.
            connected.wait().await;
            let mut beat = tokio::time::interval(Duration::from_millis(500));
            for _ in 0..6 {
                beat.tick().await;
                webhook.is_well(what).await;
                webhook.is_well_at(what, 20 * KIB).await;
            }
        };
        let (answers, ()) = tokio::join!(stalled.ask(webhook, &connected), good);
        // Those in whose place there is another are not answered.
        assert!(answers.iter().flatten().all(|status| matches!(status, 408 | 429)), "{what}: {answers:?}");
        let (came, answered) = (answers.len(), answers.iter().flatten().count());
        println!("{what}: {answered} of {came} were answered, in {:?}", start.elapsed());
        assert!(came > 0 && (clients > 1_000 || answered == came), "{what}: {answered} of {came}");
        assert!(start.elapsed() < Duration::from_mins(1), "{what}: {:?}", start.elapsed());
    }
    let number = "fleetgate_requests_unread_total{reason=\"too-slow\"}";
    assert!(webhook.number::<u32>(number).await >= 200);
}

/// A pipe has room for some 64 KiB, which are not 300 lines.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_nobody() {
    let start = Start { log: Some(Stdio::piped()), ..Start::default() };
    let webhook = Arc::new(Webhook::start(admission(), start).await);
    let mut review = review("told");
    review["request"]["name"] = json!("n".repeat(250));
    // On a busy machine not all of so many come.
    let mut told = 0;
    while told < 2_000 {
        let answers = webhook.ask_at_once("/validate", review.to_string().into_bytes(), 200).await;
        told += answers.len();
        assert!(!answers.is_empty(), "nobody came after {told} lines");
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|(status, _)| *status == 200)));
    }
    webhook.is_well("two thousand lines that nobody reads").await;
}
