//! The case runner: every file of `tests/cases/` gets the verdict that its
//! first line names, by three ways: the review function, `fleetgate check`, and
//! the real API server. A user's bug report becomes a test by copying a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fleetgate_laws::{catalog, request};
use fleetgate_plan::Catalog;
use fleetgate_sandbox::Sandbox;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_webhooks::{Endpoint, review};
use kube::client::Body;
use serde_json::{Value, json};

use crate::support::{admission, apply, file, kubectl};

/// What is done to an object, from the worst to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Reject,
    Warn,
    Accept,
}

impl Verdict {
    /// `accept` is no error; warnings may be there.
    fn satisfies(self, expected: Self) -> bool {
        self == expected || (expected == Self::Accept && self == Self::Warn)
    }

    fn of(errors: bool, warnings: bool) -> Self {
        match (errors, warnings) {
            (true, _) => Self::Reject,
            (false, true) => Self::Warn,
            (false, false) => Self::Accept,
        }
    }
}

struct Case {
    path: PathBuf,
    expected: Verdict,
    object: Value,
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("the case is read");
        let expected =
            match text.lines().next().and_then(|line| line.strip_prefix("# expect: ")).map(str::trim) {
                Some("reject") => Verdict::Reject,
                Some("warn") => Verdict::Warn,
                Some("accept") => Verdict::Accept,
                other => panic!(
                    "{}: the first line must be '# expect: reject|warn|accept', is {other:?}",
                    path.display()
                ),
            };
        let object = yaml(&text).pop().unwrap_or_else(|| panic!("{} holds no object", path.display()));
        Self { path: path.to_owned(), expected, object }
    }

    fn name(&self) -> String {
        self.path.file_name().expect("a name").to_string_lossy().into_owned()
    }
}

fn yaml(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// What the mutating endpoint, and then the validating one, say.
fn by_review(case: &Case, catalog: &Catalog) -> Verdict {
    let body = request::create(&case.object).to_string();
    let answers = [Endpoint::Mutating, Endpoint::Validating].map(|endpoint| {
        let reviewed = review(body.as_bytes(), catalog, endpoint);
        reviewed.response.response.expect("a response")
    });
    Verdict::of(answers.iter().any(|answer| !answer.allowed), answers[1].warnings.is_some())
}

fn by_check(case: &Case) -> Verdict {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["check", "--output", "json"])
        .arg(&case.path)
        .arg("--catalog")
        .arg(file("tests/cases/catalog.yaml"))
        .output()
        .expect("check runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    match output.status.code() {
        Some(0) => Verdict::of(false, document["summary"]["warnings"] != 0),
        Some(1) => Verdict::Reject,
        code => panic!("check of {} ended with {code:?}: {document}", case.path.display()),
    }
}

/// What the API server says to a strict dry run, as kubectl would send it.
async fn by_api_server(case: &Case, sandbox: &Sandbox) -> (Verdict, String) {
    let api_version = case.object["apiVersion"].as_str().expect("a version");
    let plural = format!("{}s", case.object["kind"].as_str().expect("a kind").to_lowercase());
    let namespace = case.object["metadata"]["namespace"].as_str().unwrap_or("default");
    let uri =
        format!("/apis/{api_version}/namespaces/{namespace}/{plural}?dryRun=All&fieldValidation=Strict");
    let request = http::Request::post(uri)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Body::from(case.object.to_string().into_bytes()))
        .expect("a request");
    let response = sandbox.client().send(request).await.expect("an answer");
    let refused = !response.status().is_success();
    let warned = response.headers().contains_key(http::header::WARNING);
    let body = response.into_body().collect_bytes().await.expect("a body");
    let message = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|status| status["message"].as_str().map(str::to_owned));
    (Verdict::of(refused, warned), message.unwrap_or_default())
}

/// Cases whose rule does not stand yet, each with its reason. The list only shrinks.
fn waiting() -> BTreeMap<String, String> {
    let text = fs::read_to_string(file("tests/cases/waiting.yaml")).expect("the list");
    serde_saphyr::from_str(&text).expect("names with reasons")
}

/// Waits until the webhook knows of all in the catalog: its watches may hear of it after the API server has answered.
async fn is_known(sandbox: &Sandbox) {
    // The one needs a Fleet and its clusters, the other one an Application and the last Fleet.
    for name in ["dst-selector-expressions.yaml", "ro-service-of-another.yaml"] {
        let case = Case::read(&file("tests/cases/admission").join(name));
        let judged = until("the catalog to be known", Duration::from_secs(30), async || {
            let (verdict, message) = by_api_server(&case, sandbox).await;
            let is_met = verdict == case.expected;
            Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(format!("{name}: {verdict:?} {message}")) })
        });
        judged.await.expect("it is known");
    }
}

#[tokio::test]
async fn every_case_gets_one_verdict_three_ways() {
    let sandbox = admission();
    let catalog_file = fs::read_to_string(file("tests/cases/catalog.yaml")).expect("the catalog");
    let applied = apply(sandbox, &catalog_file).await;
    assert!(applied.success(), "{}", applied.stderr);
    is_known(sandbox).await;

    let mut waiting = waiting();
    println!("{} cases wait for their rule", waiting.len());
    let mut faults = Vec::new();
    for path in yaml_files(&file("tests/cases/admission")) {
        let case = Case::read(&path);
        let (by_api_server, message) = by_api_server(&case, sandbox).await;
        let verdicts = [
            ("review", by_review(&case, catalog())),
            ("check", by_check(&case)),
            ("API server", by_api_server),
        ];
        let is_met = verdicts.iter().all(|(_, verdict)| verdict.satisfies(case.expected));
        let agree = verdicts.iter().all(|(_, verdict)| *verdict == by_api_server);
        match waiting.remove(&case.name()) {
            Some(_) if is_met => {
                faults.push(format!("{} passes: take it off tests/cases/waiting.yaml", case.name()));
            }
            Some(_) if agree => {}
            None if is_met && agree => {}
            _ => faults.push(format!(
                "{}: expected {:?}, got {verdicts:?} {message}",
                case.name(),
                case.expected
            )),
        }
    }
    faults.extend(
        waiting.keys().map(|name| format!("{name} is on tests/cases/waiting.yaml and does not exist")),
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn every_example_is_admitted() {
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "examples"]).await;
    for path in
        walkdir::WalkDir::new(file("examples")).into_iter().map(|entry| entry.expect("an entry").into_path())
    {
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        for mut object in yaml(&fs::read_to_string(&path).expect("the example")) {
            // Where none of its objects exists yet.
            object["metadata"]["namespace"] = json!("examples");
            let case = Case { path: path.clone(), expected: Verdict::Accept, object };
            let (verdict, message) = by_api_server(&case, sandbox).await;
            assert!(verdict.satisfies(Verdict::Accept), "{}: {message}", path.display());
        }
    }
}

/// Files that others published are not ours to copy: they are judged where they
/// stand beside the checkout.
#[tokio::test]
async fn published_applications_get_their_verdict() {
    let folder = file("../shared/cases/kurator");
    if !folder.is_dir() {
        println!("no published files beside the checkout: nothing to judge");
        return;
    }
    let sandbox = admission();
    let table =
        [("application", Verdict::Accept), ("rollout", Verdict::Accept), ("invalid", Verdict::Reject)];
    for (name, expected) in table {
        for path in yaml_files(&folder.join(name)) {
            // An upper case object name.
            if path.ends_with("canaryWithCustomMetric.yaml") {
                continue;
            }
            for object in yaml(&fs::read_to_string(&path).expect("the file")) {
                let case = Case { path: path.clone(), expected, object };
                let (verdict, message) = by_api_server(&case, sandbox).await;
                assert!(verdict.satisfies(expected), "{}: {verdict:?} {message}", path.display());
            }
        }
    }
}

/// Strict validation, too, takes every field that they have.
#[tokio::test]
async fn published_fleets_and_clusters_are_admitted() {
    let folder = file("../shared/cases/kurator");
    if !folder.is_dir() {
        println!("no published files beside the checkout: nothing to judge");
        return;
    }
    let sandbox = admission();
    kubectl(sandbox, &["create", "namespace", "published"]).await;
    let mut judged = 0;
    for name in ["fleet", "fleet/metric", "fleet/network", "fleet/policy", "application/common"] {
        for path in yaml_files(&folder.join(name)) {
            for mut object in yaml(&fs::read_to_string(&path).expect("the file")) {
                if !matches!(object["kind"].as_str(), Some("Fleet" | "AttachedCluster")) {
                    continue;
                }
                // Where no object of that name exists.
                object["metadata"]["namespace"] = json!("published");
                let case = Case { path: path.clone(), expected: Verdict::Accept, object };
                let (verdict, message) = by_api_server(&case, sandbox).await;
                assert!(verdict.satisfies(Verdict::Accept), "{}: {message}", path.display());
                judged += 1;
            }
        }
    }
    assert!(judged > 5, "{judged} objects");
}
