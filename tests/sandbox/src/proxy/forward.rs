//! Takes connections in and passes requests on, one at a time per connection.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::request::{self, Asked, Verb};
use super::rules::{self, Action};
use super::{Shared, gate};

/// Larger than anything that the API server takes.
const LARGEST: usize = 16 << 20;

/// Takes connections in until it is dropped, and all of them with it.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(request, &shared));
    // An error is a client that has gone, or a connection that we cut.
    let _ended_either_way = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was cut")]
struct Cut;

async fn answer(request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let asked = request::read(&parts);
    match decide(shared, &asked) {
        Some(Action::Answer(code)) => return Ok(refusal(code)),
        Some(Action::Cut) => return Err(Cut),
        Some(Action::Lose) => {
            let _lost = forward(Request::from_parts(parts, body), &asked, shared).await;
            return Err(Cut);
        }
        Some(Action::Hold) => pending().await,
        None => {}
    }
    forward(Request::from_parts(parts, body), &asked, shared).await
}

fn decide(shared: &Shared, asked: &Asked) -> Option<Action> {
    let mut state = shared.state();
    state.asked.entry(asked.clone()).or_default().push(Instant::now());
    let action = rules::decide(&mut state.rules, asked);
    // Whoever is told looks at the state.
    drop(state);
    shared.heard.send_modify(|heard| *heard += 1);
    action
}

async fn forward(request: Request<Incoming>, asked: &Asked, shared: &Shared) -> Result<Response<Body>, Cut> {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(HOST);
    let bytes = to_bytes(Body::new(body), LARGEST).await.map_err(|_| Cut)?;
    let request = Request::from_parts(parts, bytes.into());
    // An API server that does not answer is to the client as if it were not there.
    let answer = shared.upstream.send(request).await.map_err(|_| Cut)?;
    let answered = (asked.clone(), answer.status().as_u16());
    *shared.state().answered.entry(answered).or_default() += 1;
    let answer = answer.map(Body::new);
    Ok(if asked.verb == Verb::Watch {
        answer.map(|body| gate::watch(body, asked.resource.clone(), shared.gate.subscribe()))
    } else {
        answer
    })
}

/// As the API server says that it does not carry a request out.
fn refusal(code: u16) -> Response<Body> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    // It says so in two places.
    let details = if code == 429 { json!({"retryAfterSeconds": 1}) } else { json!({}) };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "details": details,
        "message": "the sandbox's proxy was told to answer so", "reason": reason, "code": code,
    });
    let mut response = Response::new(Body::from(status.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json"));
    if code == 429 {
        headers.insert(RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
    }
    response
}
