//! How many requests a write takes, and what it never touches.

use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use fleetgate_api::names::{ANNOTATION_APPLIED, LABEL_APPLICATION};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// An API server with at most one object, which answers as
/// `tests/it/delivery/lag.rs` shows that a real one does.
#[derive(Clone, Default)]
struct Server {
    stands: Arc<Mutex<Value>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn with(stands: Value) -> Self {
        Self { stands: Arc::new(Mutex::new(stands)), ..Self::default() }
    }

    fn writer(&self) -> Writer {
        let this = self.clone();
        let answer = async move |method: Method, body: Bytes| {
            let (code, body) = this.answer(&method, &body);
            this.asked.lock().expect("a lock").push(format!("{method} {code}"));
            (StatusCode::from_u16(code).expect("a status"), body.to_string())
        };
        Writer::new(Client::new(Router::new().fallback(answer), "default"), Duration::MAX)
    }

    fn answer(&self, method: &Method, body: &[u8]) -> (u16, Value) {
        let mut stands = self.stands.lock().expect("a lock");
        if *method == Method::GET {
            return if stands.is_null() { refused(404, "NotFound") } else { (200, stands.clone()) };
        }
        let mut applied: Value = serde_json::from_slice(body).expect("JSON");
        if *method == Method::DELETE {
            return Self::delete(&mut stands, &applied["preconditions"]["uid"]);
        }
        if applied["spec"]["suspend"] == true {
            return Self::suspend(&mut stands, &applied["metadata"]["uid"]);
        }
        let creates_only = applied["metadata"]["resourceVersion"] == NONE_HAS;
        let uid = applied["metadata"]["uid"].take();
        match (stands.is_null(), uid.is_null()) {
            (false, true) if creates_only => return refused(409, "Conflict"),
            (true, false) => return refused(409, "Conflict"),
            (false, false) if uid != stands["metadata"]["uid"] => return refused(422, "Invalid"),
            _ if applied["spec"]["path"] == "refused" => return refused(422, "Invalid"),
            _ => {}
        }
        applied["metadata"]["uid"] = json!("c9");
        stands.clone_from(&applied);
        (200, applied)
    }

    fn delete(stands: &mut Value, uid: &Value) -> (u16, Value) {
        if stands.is_null() {
            return refused(404, "NotFound");
        }
        if *uid != stands["metadata"]["uid"] {
            return refused(409, "Conflict");
        }
        *stands = Value::Null;
        (200, json!({"kind": "Status", "status": "Success", "code": 200}))
    }

    fn suspend(stands: &mut Value, uid: &Value) -> (u16, Value) {
        match stands["metadata"]["uid"].clone() {
            Value::Null => return refused(404, "NotFound"),
            there if there != *uid => return refused(422, "Invalid"),
            _ => {}
        }
        match stands["spec"]["path"].as_str() {
            Some("refused") => return refused(422, "Invalid"),
            Some("busy") => return refused(409, "Conflict"),
            Some("set back") => {}
            _ => stands["spec"]["suspend"] = json!(true),
        }
        (200, stands.clone())
    }

    fn asked(&self) -> String {
        self.asked.lock().expect("a lock").join(", ")
    }
}

fn refused(code: u16, reason: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "reason": reason, "code": code}))
}

fn object(uid: &str, owner: &str, digest: &str, path: &str) -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {
            "name": "web", "namespace": "default", "uid": uid,
            "labels": {LABEL_APPLICATION: "shop"}, "annotations": {ANNOTATION_APPLIED: digest},
            "ownerReferences": [{"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application", "name": "shop", "uid": owner}],
        },
        "spec": {"path": path},
    })
}

fn wanted(path: &str) -> Wanted {
    let mut object = object("", "u1", "d1", path);
    object["metadata"]["uid"] = Value::Null;
    Wanted {
        kind: FluxKind::Kustomization,
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        policy: None,
        digest: "d1".to_owned(),
        object: serde_json::from_value(object).expect("an object"),
    }
}

fn child(object: Value) -> Child {
    Child::of(FluxKind::Kustomization, &serde_json::from_value(object).expect("an object"))
}

fn came_of(answer: &Result<Option<Child>, Failure>) -> String {
    match answer {
        Ok(Some(child)) => format!("is {}", child.uid),
        Ok(None) => "is going".to_owned(),
        Err(Failure::Foreign) => "foreign".to_owned(),
        Err(Failure::Unsuspended) => "not suspended".to_owned(),
        Err(Failure::Refused(_)) => "refused".to_owned(),
    }
}

#[tokio::test]
async fn one_request_is_enough_and_nobody_elses_object_is_touched() {
    let (none, ours) = (Value::Null, || object("c1", "u1", "d0", "./old"));
    let mut going = ours();
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    // What the watches know of, what stands there, what comes of it, and what is asked.
    let table = [
        (None, none.clone(), "is c9", "PATCH 200"),
        (None, object("c1", "u2", "d1", "./a"), "foreign", "PATCH 409, GET 200"),
        (None, ours(), "is c9", "PATCH 409, GET 200, PATCH 200"),
        (None, going.clone(), "is going", "PATCH 409, GET 200"),
        // The answer to the first attempt got lost.
        (None, object("c1", "u1", "d1", "./a"), "is c1", "PATCH 409, GET 200"),
        (Some(ours()), ours(), "is c9", "PATCH 200"),
        (Some(ours()), none, "is c9", "PATCH 409, GET 404, PATCH 200"),
        (Some(ours()), object("c2", "u2", "d1", "./a"), "foreign", "PATCH 422, GET 200"),
        (Some(ours()), object("c2", "u1", "d0", "./old"), "is c9", "PATCH 422, GET 200, PATCH 200"),
    ];
    for (known, stands, expected, asked) in table {
        let server = Server::with(stands.clone());
        let writer = server.writer();
        let answer = match &known {
            None => writer.create(&wanted("./a")).await,
            Some(known) => writer.update(&wanted("./a"), &child(known.clone())).await,
        };
        assert_eq!(
            (came_of(&answer).as_str(), server.asked().as_str()),
            (expected, asked),
            "{known:?} {stands}"
        );
        let is_written = asked.ends_with("PATCH 200");
        let there = server.stands.lock().expect("a lock");
        assert_eq!(is_written, *there != stands, "{known:?} {stands}");
    }
}

#[tokio::test]
async fn what_is_refused_for_itself_is_not_tried_again_and_again() {
    for (known, stands, asked) in [
        (None, Value::Null, "PATCH 422, GET 404, PATCH 422"),
        (Some("c1"), object("c1", "u1", "d0", "./old"), "PATCH 422, GET 200"),
    ] {
        let server = Server::with(stands);
        let writer = server.writer();
        let answer = match known {
            None => writer.create(&wanted("refused")).await,
            Some(uid) => writer.update(&wanted("refused"), &child(object(uid, "u1", "d0", "./old"))).await,
        };
        assert_eq!((came_of(&answer).as_str(), server.asked().as_str()), ("refused", asked));
    }
}

/// What Flux would uninstall is not deleted, whatever the watches knew.
#[tokio::test]
async fn only_what_is_suspended_by_the_api_servers_word_is_let_go_of() {
    let known = |suspend: bool| {
        let mut known = object("c1", "u1", "d1", "./a");
        known["spec"]["suspend"] = json!(suspend);
        child(known)
    };
    // What stands there, what comes of it, and what is asked.
    let table = [
        (object("c1", "u1", "d1", "./a"), "is c1", "PATCH 200, DELETE 200"),
        (Value::Null, "is going", "PATCH 404"),
        (object("c2", "u1", "d1", "./a"), "is going", "PATCH 422, GET 200"),
        (object("c1", "u1", "d1", "refused"), "refused", "PATCH 422, GET 200"),
        (object("c1", "u1", "d1", "busy"), "refused", "PATCH 409, GET 200"),
        (object("c1", "u1", "d1", "set back"), "not suspended", "PATCH 200"),
    ];
    for (stands, expected, asked) in table {
        for suspended in [false, true] {
            let server = Server::with(stands.clone());
            let answer = server.writer().take_away(&known(suspended), true).await;
            assert_eq!(
                (came_of(&answer).as_str(), server.asked().as_str()),
                (expected, asked),
                "{stands} {suspended}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_let_go_of_is_only_deleted() {
    let mut release = object("c1", "u1", "d1", "./a");
    let table = [
        (FluxKind::Kustomization, false, false, "DELETE 200"),
        (FluxKind::GitRepository, false, true, "DELETE 200"),
        // The chart of one that its user suspended is removed by nobody else.
        (FluxKind::HelmRelease, true, false, "GET 200, DELETE 200"),
        (FluxKind::HelmRelease, false, false, "DELETE 200"),
    ];
    for (kind, suspended, lets_go, asked) in table {
        release["spec"]["suspend"] = json!(suspended);
        let server = Server::with(release.clone());
        let child = Child::of(kind, &serde_json::from_value(release.clone()).expect("an object"));
        let answer = server.writer().take_away(&child, lets_go).await;
        assert_eq!((came_of(&answer).as_str(), server.asked().as_str()), ("is going", asked), "{kind:?}");
    }
}

#[test]
fn the_api_servers_wish_is_heard() {
    let refused = |body: Value| {
        Failure::Refused(kube::Error::Api(Box::new(serde_json::from_value(body).expect("a status"))))
    };
    let busy = json!({"status": "Failure", "code": 429, "details": {"retryAfterSeconds": 7}});
    assert_eq!(refused(busy).retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(refused(json!({"status": "Failure", "code": 500})).retry_after(), None);
    assert_eq!(Failure::Foreign.retry_after(), None);
}

/// A condition is for people: of the API server's answer it has the sentence alone.
#[test]
fn a_refusal_is_said_in_the_api_servers_words() {
    let status = kube::core::Status::failure("spec.path: Invalid value", "Invalid").with_code(422);
    let refused = Failure::Refused(kube::Error::Api(status.boxed()));
    let said = refused.summary("written", FluxKind::Kustomization, "web").message;
    assert_eq!(said, "Kustomization \"web\" cannot be written: spec.path: Invalid value");
}
