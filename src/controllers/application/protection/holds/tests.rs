use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use futures::{FutureExt, StreamExt};
use std::time::Duration;

/// An API server that knows the Secret `m1`, those that come, and one that is
/// late, and what it was asked to change.
fn secrets() -> (Holds, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let answer = async move |request: Uri, body: Bytes| {
        let mut seen = seen.lock().expect("a list");
        let code = match request.path().rsplit('/').next().expect("a name") {
            "m1" => 200,
            "late" if seen.len() == 2 => 200,
            name if name.starts_with("come") => 200,
            "going" => 422,
            "broken" => 500,
            _ => 404,
        };
        seen.push(serde_json::from_slice(&body).expect("JSON"));
        let metadata =
            json!({"name": "m1", "namespace": "default", "resourceVersion": seen.len().to_string()});
        let reason = match code {
            404 => "NotFound",
            422 => "Invalid",
            _ => "InternalError",
        };
        let body = if code == 200 {
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
        } else {
            json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "it is so", "code": code})
        };
        (StatusCode::from_u16(code).expect("a code"), body.to_string()).into_response()
    };
    let client = Client::new(Router::new().fallback(answer), "default");
    (Holds::new(client), asked)
}

fn key(name: &str) -> SecretKey {
    ("default".into(), name.into())
}

#[tokio::test]
async fn one_write_holds_it_for_all_and_it_is_released_when_none_holds_it() {
    let (secrets, asked) = secrets();
    let count = || asked.lock().expect("a list").len();
    let m1 = key("m1");
    let (one, other) = tokio::join!(secrets.hold(&m1), secrets.hold(&m1));
    assert_eq!((one.is_ok(), other.is_ok(), count()), (true, true, 1));
    drop(one);
    assert!(secrets.claim(&key("m1")).is_none(), "the other holds it");
    drop(other);
    let claim = secrets.claim(&key("m1")).expect("nobody holds it");
    assert!(secrets.hold(&key("m1")).now_or_never().is_none(), "it is being released");
    secrets.release(claim).await.expect("it is released");
    assert_eq!(asked.lock().expect("a list").last(), Some(&removed()));
    assert!(secrets.hold(&key("m1")).await.is_ok());
    assert_eq!(count(), 3, "it is held anew");
}

#[tokio::test]
async fn what_the_api_server_lost_is_held_anew() {
    let (secrets, asked) = secrets();
    drop(secrets.hold(&key("m1")).await);
    assert!(secrets.lost(&key("m1"), &Version::new("0")));
    drop(secrets.hold(&key("m1")).await);
    assert_eq!(asked.lock().expect("a list").len(), 1, "that was before it was held");
    assert!(secrets.lost(&key("m1"), &Version::new("2")));
    drop(secrets.hold(&key("m1")).await);
    assert_eq!(asked.lock().expect("a list").len(), 2);
}

/// Who holds it may wait for an API server that does not answer.
#[tokio::test]
async fn who_holds_it_is_waited_for_by_nobody() {
    let (secrets, asked) = secrets();
    let m1 = key("m1");
    let hold = secrets.hold(&m1).await.expect("it is held");
    let at_once = async {
        assert!(secrets.claim(&m1).is_none());
        assert!(secrets.lost(&m1, &Version::new("2")));
        drop(secrets.hold(&m1).await.expect("it is held anew"));
        secrets.left(&m1).await;
        secrets.seen(&m1).await;
        drop(secrets.hold(&m1).await.expect("and again"));
        assert!(secrets.claim(&m1).is_none());
    };
    tokio::time::timeout(Duration::from_secs(10), at_once).await.expect("nobody waits");
    assert_eq!(asked.lock().expect("a list").len(), 3);
    drop(hold);
    assert!(secrets.claim(&m1).is_some());
}

/// What is asked may be answered as it was before.
#[tokio::test]
async fn what_is_lost_while_it_is_asked_for_is_told_again() {
    let (secrets, _) = secrets();
    let claim = secrets.claim(&key("m1")).expect("nobody holds it");
    assert!(!secrets.lost(&key("m1"), &Version::new("2")));
    drop(claim);
    assert!(secrets.lost(&key("m1"), &Version::new("2")));
}

/// Whoever takes the label off, and the finalizer with it, is not seen any more.
#[tokio::test]
async fn what_has_left_the_watch_is_held_anew() {
    let (secrets, asked) = secrets();
    drop(secrets.hold(&key("m1")).await);
    secrets.left(&key("m1")).await;
    drop(secrets.hold(&key("m1")).await);
    assert_eq!(asked.lock().expect("a list").len(), 2);
}

/// What is not there is not asked for again and again: only what failed is.
#[tokio::test]
async fn what_cannot_be_held_is_said() {
    let (secrets, _) = secrets();
    let not_found = ConditionReason::KubeconfigNotFound;
    for (name, reason, said, is_done) in [
        ("gone", not_found, "there is no Secret \"gone\" in namespace \"default\"", true),
        ("going", not_found, "Secret \"going\" is being deleted", true),
        (
            "broken",
            ConditionReason::ApplyFailed,
            "Secret \"broken\" cannot be kept from being deleted, and nothing is delivered to its cluster: it is so",
            false,
        ),
    ] {
        let refused = secrets.hold(&key(name)).await.err().expect("it is not held");
        assert_eq!(refused.reason, reason);
        assert!(refused.message.starts_with(said), "{}", refused.message);
        assert_eq!(secrets.keep(&key(name)).await, is_done, "{name}");
    }
    assert!(secrets.keep(&key("m1")).await);
}

/// Twenty policies of many Applications deliver to a cluster that is not up yet.
#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_asked_for_once_by_all() {
    let (secrets, asked) = secrets();
    let gone = key("gone");
    let holds = futures::future::join_all((0..40).map(|_| secrets.hold(&gone))).await;
    assert!(holds.iter().all(Result::is_err));
    assert_eq!(asked.lock().expect("a list").len(), 1, "those who wait have one answer");
    assert!(secrets.hold(&gone).await.is_err());
    assert_eq!(asked.lock().expect("a list").len(), 1, "and who comes a moment later");
    // What is broken may be mended at any moment.
    let broken = key("broken");
    let holds = futures::future::join_all((0..40).map(|_| secrets.hold(&broken))).await;
    assert!(holds.iter().all(Result::is_err));
    assert_eq!(asked.lock().expect("a list").len(), 2, "those who wait have one answer");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(secrets.hold(&broken).await.is_err());
    assert_eq!(asked.lock().expect("a list").len(), 3, "and who comes later has one of its own");
}

/// Two hundred Applications, each in its rests, for half an hour.
#[tokio::test(start_paused = true)]
async fn what_is_missing_for_long_is_asked_for_seldom() {
    let (secrets, asked) = secrets();
    for _ in 0..30 * 60 * 4 {
        for _ in 0..200 {
            assert!(secrets.hold(&key("gone")).await.is_err());
        }
        tokio::time::advance(Duration::from_millis(250)).await;
    }
    let count = asked.lock().expect("a list").len();
    assert!((180..=190).contains(&count), "{count}");
}

/// As in the rests of an Application of its own: 1, 2, 4 and 8 s, less a fifth.
#[tokio::test(start_paused = true)]
async fn who_waits_alone_asks_each_time() {
    let (secrets, asked) = secrets();
    for (attempt, millis) in [800, 1_600, 3_200, 6_400, 12_000, 12_000].into_iter().enumerate() {
        assert!(secrets.hold(&key("gone")).await.is_err());
        assert_eq!(asked.lock().expect("a list").len(), attempt + 1);
        tokio::time::advance(Duration::from_millis(millis)).await;
    }
}

/// The watch tells of it, or somebody else's turn it was to ask.
#[tokio::test(start_paused = true)]
async fn what_comes_is_told_to_those_who_waited() {
    let (secrets, asked) = secrets();
    let mut found = secrets.found();
    let told = |found: &mut UnboundedReceiverStream<ObjectKey>| found.next().now_or_never().flatten();
    secrets.seen(&key("late")).await;
    assert_eq!(told(&mut found), None, "nobody waits");
    assert!(secrets.hold(&key("late")).await.is_err());
    secrets.seen(&key("late")).await;
    assert_eq!(told(&mut found), Some(ObjectKey::new("default", "late")));
    assert!(secrets.hold(&key("late")).await.is_err());
    assert_eq!(asked.lock().expect("a list").len(), 2, "it is asked for at once");

    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(told(&mut found), None);
    drop(secrets.hold(&key("late")).await.expect("it is there"));
    assert_eq!(told(&mut found), Some(ObjectKey::new("default", "late")));
    secrets.seen(&key("late")).await;
    assert_eq!(told(&mut found), None, "nobody waits any more");
}

/// Anyone may give any number of Secrets the label.
#[tokio::test]
async fn of_secrets_that_nobody_holds_nothing_is_kept() {
    let (secrets, _) = secrets();
    for number in 0..1_000 {
        let key = key(&format!("s{number}"));
        assert!(secrets.lost(&key, &Version::new("1")));
        secrets.left(&key).await;
    }
    assert_eq!(secrets.known().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_secrets_that_come_and_go_nothing_is_kept() {
    let (secrets, _) = secrets();
    let hold = secrets.hold(&key("m1")).await.expect("it is held");
    for number in 0..1_000 {
        let (come, missing) = (key(&format!("come-{number}")), key(&format!("gone-{number}")));
        drop(secrets.hold(&come).await.expect("it is held"));
        if number % 2 == 0 {
            secrets.left(&come).await;
        } else {
            let claim = secrets.claim(&come).expect("nobody holds it");
            secrets.release(claim).await.expect("it is released");
        }
        assert!(secrets.hold(&missing).await.is_err());
    }
    secrets.tidy();
    assert_eq!(secrets.known().len(), 1_001, "those that are missing are, and one is held");
    tokio::time::advance(Duration::from_mins(10)).await;
    secrets.tidy();
    assert_eq!(secrets.known().len(), 1);
    secrets.left(&key("m1")).await;
    secrets.tidy();
    assert!(secrets.claim(&key("m1")).is_none(), "it is held, whatever is known of it");
    drop(hold);
    secrets.tidy();
    assert_eq!(secrets.known().len(), 0);
}
