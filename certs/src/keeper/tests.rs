//! What a keeper asks of an API server, and what it makes of the answers.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;
use crate::bundle::Bundle;
use crate::view::{Kind, LABEL};

const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/c";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/c";
const SECRET: &str = "/api/v1/namespaces/n/secrets/s";

/// What stands at a path of an API server, and what it refuses.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stands: Vec<(&'static str, Value)>,
    /// A method and a path, and how it is refused.
    refused: Option<(Method, &'static str, u16)>,
    /// All that was written or tried to be.
    written: Vec<String>,
}

impl Server {
    /// One that holds that, and whose configurations trust these.
    fn with(stored: &Stored, bundle: &Bundle) -> Self {
        let server = Self::default();
        let (label, value) = LABEL;
        let metadata = json!({"name": "s", "namespace": "n", "uid": "u", "resourceVersion": "1", "labels": {label: value}});
        server.stand(SECRET, json!({"metadata": metadata, "data": stored.data()}));
        for path in [MUTATING, VALIDATING] {
            server.stand(path, configuration(bundle));
        }
        server
    }

    fn stand(&self, path: &'static str, object: Value) {
        let stands = &mut self.0.lock().expect("a lock").stands;
        stands.retain(|(at, _)| *at != path);
        stands.push((path, object));
    }

    fn refuse(&self, refused: Option<(Method, &'static str, u16)>) {
        self.0.lock().expect("a lock").refused = refused;
    }

    /// All that was written since this was asked last.
    fn written(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("a lock").written)
    }

    /// Who keeps a certificate there, and has seen what there is.
    async fn keeper(&self) -> Keeper {
        let this = self.clone();
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (code, body) = this.answer(&method, &uri, &headers, &body);
            (StatusCode::from_u16(code).expect("a status"), body.to_string())
        };
        let client = Client::new(Router::new().fallback(answer), "default");
        let [namespace, secret, configuration, service] = ["n", "s", "c", "w"].map(str::to_owned);
        let place = Place { namespace, secret, configuration, service, names: names() };
        let timing = Timing { settle: Duration::ZERO, ..timing() };
        let mut keeper = Keeper::new(client, place, timing, Serving::new().0);
        assert!(keeper.look().await, "nothing is refused yet");
        keeper
    }

    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (u16, Value) {
        let mut state = self.0.lock().expect("a lock");
        if *method != Method::GET {
            let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            state.written.push(format!("{method} {uri} {kind}"));
        }
        match state.refused {
            Some((ref refused, path, code)) if *refused == *method && uri.path() == path => (
                code,
                json!({"kind": "Status", "status": "Failure", "message": path, "reason": "", "code": code}),
            ),
            // Whatever it becomes: the watch tells.
            _ if *method == Method::PUT => (200, serde_json::from_slice(body).expect("JSON")),
            _ => (200, state.stands.iter().find(|(at, _)| *at == uri.path()).expect("it stands").1.clone()),
        }
    }
}

fn names() -> Vec<String> {
    vec!["w.n.svc".to_owned()]
}

fn timing() -> Timing {
    Timing::new(Duration::from_hours(48), Duration::from_hours(24)).expect("times")
}

fn configuration(bundle: &Bundle) -> Value {
    let pem = k8s_openapi::ByteString(bundle.pem().into_bytes());
    let service = json!({"namespace": "n", "name": "w"});
    json!({
        "metadata": {"name": "c", "resourceVersion": "1"},
        "webhooks": [{"name": "ours", "clientConfig": {"service": service, "caBundle": pem}}],
    })
}

fn issued() -> Issued {
    issue(&names(), Timestamp::from_second(4_000_000_000).expect("a date")).expect("a certificate")
}

/// What is served, and what is to follow it.
fn staged() -> Stored {
    let first = Stored::first(&issued()).expect("the first");
    first.staged(&issued(), Timestamp::UNIX_EPOCH).expect("staged")
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_not_served() {
    let (stored, get) = (staged(), |path| Some((Method::GET, path, 500)));
    let table = [(None, true), (get(MUTATING), false), (get(VALIDATING), false), (get(SECRET), false)];
    for (refused, is_served) in table {
        let server = Server::with(&stored, &stored.bundle);
        let mut keeper = server.keeper().await;
        assert_eq!(keeper.step(), Some(Action::Promote));
        server.refuse(refused.clone());
        assert_eq!(keeper.advance().await, ECHO, "{refused:?}");
        let written = server.written().len();
        assert_eq!(written == 1, is_served, "{refused:?}: {written}");
        if is_served {
            continue;
        }
        server.refuse(None);
        let left = keeper.advance().await;
        assert!(left <= ECHO && server.written().is_empty(), "it rests for {left:?}");
        advance(ECHO).await;
        keeper.advance().await;
        assert_eq!(server.written(), [format!("PUT {SECRET}? application/json")], "after {refused:?}");
    }
}

#[tokio::test]
async fn what_can_be_looked_at_is_taken_up() {
    let stored = staged();
    let server = Server::with(&stored, &stored.bundle);
    let mut keeper = server.keeper().await;
    let others = Stored::first(&issued()).expect("another").bundle;
    server.stand(VALIDATING, configuration(&others));
    for refused in [MUTATING, SECRET] {
        server.refuse(Some((Method::GET, refused, 403)));
        assert!(!keeper.look().await, "{refused}");
        let lacking: Vec<Kind> = keeper.view.lacking().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(lacking, [Kind::Validating], "{refused}");
    }
}

/// Nobody is told of what the watch tells, and everybody of what is refused.
#[tokio::test]
async fn who_was_overtaken_does_not_complain() {
    let stored = staged();
    let others = Stored::first(&issued()).expect("another").bundle;
    for (code, is_news) in [(409, false), (404, false), (403, true), (422, true)] {
        let server = Server::with(&stored, &stored.bundle);
        server.stand(VALIDATING, configuration(&others));
        let mut keeper = server.keeper().await;
        server.refuse(Some((Method::PATCH, VALIDATING, code)));
        keeper.inject().await;
        let manager = "fieldManager=fleetgate-certificates";
        let expected = format!("PATCH {VALIDATING}?&{manager} application/strategic-merge-patch+json");
        assert_eq!(server.written(), [expected]);
        let complaint =
            format!("the ValidatingWebhookConfiguration c cannot be told whom to trust: {VALIDATING}");
        let is_said = !keeper.complaints.is_news(&complaint, Instant::now());
        assert_eq!(is_said, is_news, "{code}");
    }
}
