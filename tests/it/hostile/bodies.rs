//! Bodies: of the wrong size, shape and content, one at a time and many.

use serde_json::{Value, json};

use super::webhook::{Start, Webhook, head, review};
use crate::support::admission;

const MIB: usize = 1024 * 1024;

/// What is expected of an answer: its status and, in an AdmissionReview that denies, words of its message.
type Expected = (u16, &'static str);

fn said(text: &str) -> String {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    assert_ne!(answer["response"]["allowed"], true, "{text}");
    answer["response"]["status"]["message"].as_str().unwrap_or(text).to_owned()
}

/// A request whose object's spec is that text.
fn with_spec(spec: &str) -> Vec<u8> {
    let mut review = review("hostile");
    review["request"]["object"]["spec"] = json!("SPEC");
    review.to_string().replace("\"SPEC\"", spec).into_bytes()
}

/// The same, with a field of the request in another way.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut review = review("hostile");
    *review.pointer_mut(pointer).expect("a field") = value;
    review.to_string().into_bytes()
}

fn table() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let good = review("hostile").to_string().into_bytes();
    let (mut not_utf8, object) = (good.clone(), "\"shop\"");
    let at = good.windows(object.len()).position(|window| window == object.as_bytes()).expect("a name");
    not_utf8[at + 1] = 0xff;
    let twice = |text: &str, again: &str| {
        String::from_utf8(good.clone()).expect("UTF-8").replacen(text, again, 1).into_bytes()
    };
    vec![
        ("nothing", Vec::new(), (200, "cannot be read")),
        ("truncated JSON", good[..good.len() / 2].to_vec(), (200, "cannot be read")),
        ("no JSON", b"kind: AdmissionReview".to_vec(), (200, "cannot be read")),
        (
            "no request",
            br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.to_vec(),
            (200, "has no request"),
        ),
        ("v1beta1", with("/apiVersion", json!("admission.k8s.io/v1beta1")), (200, "v1beta1")),
        (
            "another kind",
            with("/request/kind/kind", json!("Deployment")),
            (200, "not a kind that Fleetgate reviews"),
        ),
        ("invalid UTF-8", not_utf8, (200, "cannot be read")),
        (
            "a nesting of a thousand",
            with_spec(&format!("{}{}", "[".repeat(1_000), "]".repeat(1_000))),
            (200, "cannot be read"),
        ),
        ("a nesting of a million", with_spec(&"[".repeat(1_000_000)), (200, "values")),
        (
            "numbers out of range",
            with_spec(
                r#"{"source": {}, "syncPolicies": [{"kustomization": {"interval": "5m", "prune": true, "timeout": 1e999}}]}"#,
            ),
            (200, "cannot be read"),
        ),
        (
            "numbers out of a field's range",
            with_spec(
                r#"{"source": {"gitRepository": {"url": "https://e.com", "interval": 99999999999999999999999999}}, "syncPolicies": [{}]}"#,
            ),
            (200, "interval"),
        ),
        ("a key twice", twice("\"dryRun\"", "\"uid\":\"other\",\"dryRun\""), (200, "duplicate field")),
        ("a key of the object twice", twice("\"spec\":", "\"spec\":5,\"spec\":"), (200, "")),
        ("an object as a list", with("/request/object", json!([1, 2])), (200, "object/unreadable")),
        (
            "a uid of a megabyte",
            with("/request/uid", json!("u".repeat(MIB))),
            (200, "uid is longer than 128 bytes"),
        ),
        ("a uid of 8 MiB", with("/request/uid", json!("u".repeat(8 * MIB - 1_000))), (200, "uid is longer")),
        ("a kind of a megabyte", with("/request/kind/kind", json!("k".repeat(MIB))), (200, "is not a kind")),
        (
            "a text of a megabyte as a request",
            with("/request", json!("r".repeat(MIB))),
            (200, "cannot be read"),
        ),
        ("a name of a megabyte", with("/request/object/metadata/name", json!("n".repeat(MIB))), (200, "")),
        ("20 MiB", vec![b' '; 20 * MIB], (413, "larger than 8 MiB")),
        ("8 MiB of nothing", vec![b' '; 8 * MIB], (200, "cannot be read")),
        (
            "8 MiB of numbers",
            with_spec(&format!("[{}0]", "0,".repeat(4 * MIB - 1_000))),
            (200, "50000 values"),
        ),
        (
            "many policies",
            with_spec(&format!(r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#, "{},".repeat(24_000))),
            (200, "has 24001"),
        ),
        (
            "as many policies as there may be",
            with_spec(&format!(
                r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#,
                r#"{"kustomization": {"path": "x"}},"#.repeat(4_999)
            )),
            (200, "syncPolicies"),
        ),
        (
            "many wrong policies",
            with_spec(&format!(r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#, "5,".repeat(49_000))),
            (200, "syncPolicies"),
        ),
        (
            "a megabyte of labels",
            with(
                "/request/object/metadata",
                json!({"name": "shop", "labels": (0..20_000).map(|i| (format!("label-{i:040}"), json!(""))).collect::<serde_json::Map<_, _>>()}),
            ),
            (200, ""),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_body_gets_an_answer() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    for (what, body, (status, words)) in table() {
        for path in ["/validate", "/mutate"] {
            let (said_status, text) = webhook
                .ask(path, &body)
                .await
                .unwrap_or_else(|error| panic!("{what}: {error}\n{}", webhook.log()));
            let short: String = text.chars().take(300).collect();
            assert_eq!(said_status, status, "{what}: {short}");
            assert!(text.len() < 100 * 1024, "{what}: an answer of {} bytes", text.len());
            if !words.is_empty() {
                assert!(said(&text).contains(words), "{what}: {short}");
            }
        }
        webhook.is_well(what).await;
    }
    let good = review("hostile").to_string();
    let yaml = head("/validate", good.len()).replace("application/json", "application/yaml");
    let (status, text) = webhook.send(yaml.as_bytes(), good.as_bytes()).await.expect("an answer");
    assert!(status == 415 && text.contains("application/json"), "{status} {text}");
    webhook.is_well("another content type").await;
    let log = webhook.log();
    assert!(log.lines().all(|line| line.len() < 2_000), "a line is too long");
}
