use std::future::pending;
use std::net::SocketAddr;

use fleetgate_plan::Catalog;
use fleetgate_webhooks::review::{Reviewed, review};
use fleetgate_webhooks::router::Snapshots;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::server::{self, Connections, Transport};

const FATAL: &str = "what no review survives";

/// A Catalog of nothing, for ever: what is asked is not looked up.
#[derive(Clone, Debug)]
struct Nothing;

impl Snapshots for Nothing {
    fn current(&self) -> Catalog {
        Catalog::default()
    }

    async fn newer(&self, _than: &Catalog, _within: Duration) -> Option<Catalog> {
        None
    }
}

/// A review with a fault of its own.
fn faulty(body: &[u8], catalog: &Catalog, endpoint: Endpoint) -> Reviewed {
    assert!(!String::from_utf8_lossy(body).contains(FATAL), "a fault");
    review(body, catalog, endpoint)
}

async fn ask(address: SocketAddr, body: &str) -> Value {
    let head = format!("POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all((head + body).as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

fn numbers(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).expect("its numbers");
    text
}

/// A request of so many values, which are nothing that anybody reviews.
fn request(uid: &str, values: usize) -> String {
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let request = json!({"uid": uid, "operation": "CREATE", "kind": kind, "object": vec![1; values]});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_panics_is_answered_and_counted_and_harms_no_other() {
    let mut registry = Registry::default();
    let desk = Desk::new(Numbers::register(&mut registry)).expect("threads");
    let router = router::with_review(Nothing, desk, faulty);
    let listener = server::listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let connections = Connections::shared(100);
    for counted in ["verdict=\"failed\",code=\"\"} 0", "verdict=\"shed\",code=\"\"} 0"] {
        let text = numbers(&registry);
        assert!(text.contains(counted), "the first is to be an increase: {text}");
    }
    let serving = server::serve(listener, "faults", Transport::Plain, router, connections, pending());
    let serving = tokio::spawn(serving);
    // One for each of the threads that there are, and more than there are of the first.
    for values in [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6_000, 6_000, 20_000, 20_000] {
        let answer = ask(address, &request(FATAL, values)).await;
        let response = &answer["response"];
        assert_eq!(
            (&response["uid"], &response["allowed"], &response["status"]["code"]),
            (&json!(FATAL), &json!(false), &json!(500)),
            "{values}: {answer}"
        );
        let answer = ask(address, &request("good", values)).await;
        let response = &answer["response"];
        assert_eq!(
            (&response["uid"], &response["status"]["code"]),
            (&json!("good"), &json!(400)),
            "{answer}"
        );
    }
    assert!(!serving.is_finished());
    let text = numbers(&registry);
    for counted in ["verdict=\"failed\",code=\"\"} 14", "verdict=\"malformed\",code=\"\"} 14"] {
        assert!(text.contains(counted), "{counted}: {text}");
    }
}
