//! Requests, Catalogs, and the router that is asked.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test says what it expects")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use fleetgate_api::Fleet;
use fleetgate_plan::Catalog;
use fleetgate_webhooks::Endpoint;
use fleetgate_webhooks::review::Account;
use fleetgate_webhooks::router::{Desk, MAX_BODY, Snapshots, Unread, router};
use serde_json::{Value, json};
use tower::ServiceExt;

/// A Catalog, and the one that comes while a review waits.
#[derive(Clone, Default)]
pub struct Fixed {
    pub now: Catalog,
    pub next: Option<Catalog>,
}

impl Snapshots for Fixed {
    fn current(&self) -> Catalog {
        self.now.clone()
    }

    async fn newer(&self, than: &Catalog, _within: Duration) -> Option<Catalog> {
        self.next.clone().filter(|next| !next.is_same(than))
    }
}

/// A desk at which nobody else is.
#[derive(Clone, Default)]
pub struct Alone {
    /// Whether there is no turn, ever.
    pub is_busy: bool,
    /// What it heard of reviews.
    pub accounts: Arc<Mutex<Vec<Account>>>,
}

impl Desk for Alone {
    type Paper = Bytes;

    async fn read(&self, body: Body, _until: Instant) -> Result<Bytes, Unread> {
        to_bytes(body, MAX_BODY).await.map_err(|_| Unread::Broken)
    }

    async fn take<T: Send>(
        &self,
        _bytes: usize,
        _until: Instant,
        review: impl FnOnce() -> T + Send,
    ) -> Option<T> {
        (!self.is_busy).then(review)
    }

    fn reviewed(&self, _endpoint: Endpoint, account: &Account, _took: Duration) {
        self.accounts.lock().expect("no test panics there").push(account.clone());
    }

    fn unread(&self, _why: Unread) {}
}

pub fn fleet(name: &str) -> Catalog {
    let fleet: Fleet = serde_json::from_value(json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": name, "namespace": "default"}, "spec": {},
    }))
    .expect("a Fleet");
    let mut catalog = Catalog::default();
    catalog.insert_fleet(&fleet);
    catalog
}

pub async fn post(path: &str, body: impl Into<Body>, snapshots: Fixed) -> Value {
    post_to(&Alone::default(), path, body, snapshots).await
}

pub async fn post_to(desk: &Alone, path: &str, body: impl Into<Body>, snapshots: Fixed) -> Value {
    let request = Request::post(path).header("content-type", "application/json").body(body.into());
    let response =
        router(snapshots, desk.clone()).oneshot(request.expect("a request")).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    let review: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    review["response"].clone()
}

pub fn application(spec: Value) -> Value {
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "default"}, "spec": spec,
    })
}

pub fn good() -> Value {
    application(json!({
        "source": {"gitRepository": {"url": "https://github.com/o/r", "interval": "3m0s", "timeout": "60s"}},
        "syncPolicies": [{"kustomization": {"interval": "5m0s", "prune": true, "force": false}}],
    }))
}

pub fn bad() -> Value {
    let mut bad = good();
    bad["spec"]["source"]["helmRepository"] = json!({"url": "https://e.com"});
    bad["spec"]["syncPolicies"] = json!([
        {"destination": {"fleet": "gone"}, "kustomization": {"interval": "5m0s", "prune": true}},
        {"kustomization": {"interval": "5m0s", "prune": true}},
    ]);
    bad
}

pub fn request(operation: &str, object: Value, old: Value) -> Value {
    let kind = json!({"group": "apps.kurator.dev", "version": "v1alpha1", "kind": "Application"});
    review_of(kind, "shop", operation, object, old)
}

/// A request about a Fleet.
pub fn fleet_request(operation: &str, object: Value, old: Value) -> Value {
    let kind = json!({"group": "fleet.kurator.dev", "version": "v1alpha1", "kind": "Fleet"});
    review_of(kind, "quickstart", operation, object, old)
}

/// A request about an AttachedCluster.
pub fn cluster_request(operation: &str, object: Value, old: Value) -> Value {
    let kind = json!({"group": "cluster.kurator.dev", "version": "v1alpha1", "kind": "AttachedCluster"});
    review_of(kind, "m1", operation, object, old)
}

fn review_of(kind: Value, name: &str, operation: &str, object: Value, old: Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "operation": operation, "namespace": "default", "name": name,
            "kind": kind, "object": object, "oldObject": old,
        },
    })
}

pub fn create(object: Value) -> String {
    request("CREATE", object, Value::Null).to_string()
}
