//! Bodies: of the wrong size, shape and content, one at a time and many.

use serde_json::{Value, json};

use super::request::{head, review};
use super::webhook::{Start, Webhook};
use crate::support::admission;

const MIB: usize = 1024 * 1024;

/// What an answer is to say.
#[derive(Clone, Copy)]
enum Expected {
    /// An AdmissionReview that admits.
    Admitted,
    /// An AdmissionReview that denies, with that code and words of its message.
    Denied(u16, &'static str),
    /// No AdmissionReview: a status of HTTP, and words.
    Unread(u16, &'static str),
}

impl Expected {
    /// Whether the answer is that one, which has that status of HTTP.
    fn is(self, http: u16, text: &str) -> bool {
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let (allowed, status) = (&answer["response"]["allowed"], &answer["response"]["status"]);
        let says = |words| status["message"].as_str().is_some_and(|message| message.contains(words));
        match self {
            Self::Admitted => http == 200 && *allowed == true,
            Self::Denied(code, words) => {
                http == 200 && *allowed == false && status["code"] == code && says(words)
            }
            Self::Unread(status, words) => http == status && answer.is_null() && text.contains(words),
        }
    }
}

/// What is said of a request that is none, or not for Fleetgate.
const fn unreadable(words: &'static str) -> Expected {
    Expected::Denied(400, words)
}

/// What is said of an object that is wrong.
const fn invalid(words: &'static str) -> Expected {
    Expected::Denied(422, words)
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

type Row = (&'static str, Vec<u8>, Expected);

/// Of the wrong shape.
fn misshapen() -> Vec<Row> {
    let good = review("hostile");
    let spec = &good["request"]["object"]["spec"];
    let good = good.to_string().into_bytes();
    let (mut not_utf8, object) = (good.clone(), "\"shop\"");
    let at = good.windows(object.len()).position(|window| window == object.as_bytes()).expect("a name");
    not_utf8[at + 1] = 0xff;
    let twice = |text: &str, again: &str| {
        String::from_utf8(good.clone()).expect("UTF-8").replacen(text, again, 1).into_bytes()
    };
    vec![
        ("nothing", Vec::new(), unreadable("cannot be read")),
        ("truncated JSON", good[..good.len() / 2].to_vec(), unreadable("cannot be read")),
        ("no JSON", b"kind: AdmissionReview".to_vec(), unreadable("cannot be read")),
        (
            "no request",
            br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#.to_vec(),
            unreadable("has no request"),
        ),
        ("v1beta1", with("/apiVersion", json!("admission.k8s.io/v1beta1")), unreadable("v1beta1")),
        (
            "another kind",
            with("/request/kind/kind", json!("Deployment")),
            unreadable("not a kind that Fleetgate reviews"),
        ),
        ("invalid UTF-8", not_utf8, unreadable("cannot be read")),
        (
            "a nesting of a thousand",
            with_spec(&format!("{}{}", "[".repeat(1_000), "]".repeat(1_000))),
            unreadable("cannot be read"),
        ),
        ("a nesting of a million", with_spec(&"[".repeat(1_000_000)), unreadable("values")),
        (
            "numbers out of range",
            with_spec(
                r#"{"source": {}, "syncPolicies": [{"kustomization": {"interval": "5m", "prune": true, "timeout": 1e999}}]}"#,
            ),
            unreadable("cannot be read"),
        ),
        (
            "numbers out of a field's range",
            with_spec(
                r#"{"source": {"gitRepository": {"url": "https://e.com", "interval": 99999999999999999999999999}}, "syncPolicies": [{}]}"#,
            ),
            invalid("interval"),
        ),
        ("a key twice", twice("\"dryRun\"", "\"uid\":\"other\",\"dryRun\""), unreadable("duplicate field")),
        // The last one counts. An API server sends what it has read itself, in which there is but one.
        ("a key of the object twice", twice("\"spec\":", "\"spec\":5,\"spec\":"), Expected::Admitted),
        (
            "a key of the object twice, the last wrong",
            with_spec(&format!("{spec}, \"spec\": 5")),
            invalid("object/unreadable"),
        ),
        ("an object as a list", with("/request/object", json!([1, 2])), invalid("object/unreadable")),
    ]
}

/// Of the wrong size, or with too much of something.
fn too_large() -> Vec<Row> {
    vec![
        (
            "a uid of a megabyte",
            with("/request/uid", json!("u".repeat(MIB))),
            unreadable("uid is longer than 128 bytes"),
        ),
        (
            "a uid of 8 MiB",
            with("/request/uid", json!("u".repeat(8 * MIB - 1_000))),
            unreadable("uid is longer"),
        ),
        (
            "a kind of a megabyte",
            with("/request/kind/kind", json!("k".repeat(MIB))),
            unreadable("is not a kind"),
        ),
        (
            "a text of a megabyte as a request",
            with("/request", json!("r".repeat(MIB))),
            unreadable("cannot be read"),
        ),
        (
            "a name of a megabyte",
            with("/request/object/metadata/name", json!("n".repeat(MIB))),
            invalid("metadata.name: Too long"),
        ),
        (
            "a fleet of a megabyte that many policies go to",
            with_spec(&format!(
                r#"{{"source": {{}}, "destination": {{"fleet": "{}"}}, "syncPolicies": [{}{{}}]}}"#,
                "f".repeat(MIB),
                r#"{"destination": {}},"#.repeat(4_999)
            )),
            invalid("destination/fleet-name"),
        ),
        (
            "a policy whose name may end in many places",
            with(
                "/request/object/spec/syncPolicies",
                json!([{"name": "-cluster".repeat(230_000), "kustomization": {"interval": "5m", "prune": true}}]),
            ),
            invalid("policy/name"),
        ),
        ("20 MiB", vec![b' '; 20 * MIB], Expected::Unread(413, "larger than 8 MiB")),
        ("8 MiB of nothing", vec![b' '; 8 * MIB], unreadable("cannot be read")),
        (
            "8 MiB of numbers",
            with_spec(&format!("[{}0]", "0,".repeat(4 * MIB - 1_000))),
            unreadable("76000 values"),
        ),
        (
            "an object that could never be updated",
            with_spec(&format!("[{}0]", "0,".repeat(36_000))),
            invalid("must have at most 35500 values, has 36001"),
        ),
        (
            "many policies",
            with_spec(&format!(r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#, "{},".repeat(15_000))),
            invalid("has 15001"),
        ),
        (
            "as many policies as there may be",
            with_spec(&format!(
                r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#,
                r#"{"kustomization": {"path": "x"}},"#.repeat(4_999)
            )),
            invalid("syncPolicies"),
        ),
        (
            "many wrong policies",
            with_spec(&format!(r#"{{"source": {{}}, "syncPolicies": [{}{{}}]}}"#, "5,".repeat(31_000))),
            invalid("syncPolicies"),
        ),
        (
            "a megabyte of labels",
            with(
                "/request/object/metadata",
                json!({"name": "shop", "labels": (0..20_000).map(|i| (format!("label-{i:040}"), json!(""))).collect::<serde_json::Map<_, _>>()}),
            ),
            Expected::Admitted,
        ),
    ]
}

/// How often a body is sent that comes too late: on a busy machine the largest of them may.
const ATTEMPTS: usize = 5;

/// What is said of a body that comes in time.
async fn answer(webhook: &Webhook, what: &str, path: &str, body: &[u8]) -> (u16, String) {
    for _ in 0..ATTEMPTS {
        let asked = webhook.ask(path, body).await;
        let (status, text) = asked.unwrap_or_else(|error| panic!("{what}: {error}\n{}", webhook.log()));
        if status != 408 {
            return (status, text);
        }
    }
    panic!("{what}: {path}: it is always too late\n{}", webhook.log())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_body_gets_an_answer() {
    let webhook = &Webhook::start(admission(), Start::default()).await;
    for (what, body, expected) in misshapen().into_iter().chain(too_large()) {
        for path in ["/validate", "/mutate"] {
            let (status, text) = answer(webhook, what, path, &body).await;
            let short: String = text.chars().take(300).collect();
            assert!(expected.is(status, &text), "{what}: {path}: {status} {short}");
            assert!(text.len() < 100 * 1024, "{what}: an answer of {} bytes", text.len());
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
