//! Everything that the program may tell, by what tests compare words with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use fleetgate_api::Application;
use fleetgate_certs::Serving;
use fleetgate_webhooks::Endpoint;
use fleetgate_webhooks::review::{About, Account, Outcome};
use fleetgate_webhooks::router::Unread;
use kube::runtime::reflector::ObjectRef;
use prometheus_client::encoding::text::encode;

use super::{Controlled, Metrics};
use crate::client::{Call, Verb};
use crate::leader::Leadership;
use crate::server::Connections;
use crate::watches::CatalogWatch;

/// Labels, and the values that each of them has been told with.
pub(crate) type Labels = BTreeMap<String, BTreeSet<String>>;

/// Every metric by its name, and every series by its own: a histogram has three of them.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) metrics: BTreeSet<String>,
    pub(crate) series: BTreeMap<String, Labels>,
}

/// What a process tells that has done everything once.
pub(crate) fn told() -> Told {
    let metrics = Metrics::new(Leadership::Undisputed);
    let watching = metrics.watching();
    let call = Call { verb: Verb::Watch, kind: "Application" };
    watching.answered(call, Some(StatusCode::OK), Instant::now());
    let health = metrics.health_of_controllers();
    health.begun("Applications", Instant::now());
    do_everything(&metrics);
    let mut text = String::new();
    encode(&mut text, &metrics.0.registry).expect("numbers");
    read(&text)
}

fn do_everything(metrics: &Metrics) {
    let answers = [
        Some(StatusCode::OK),
        Some(StatusCode::CONFLICT),
        Some(StatusCode::TOO_MANY_REQUESTS),
        Some(StatusCode::FORBIDDEN),
        Some(StatusCode::NOT_FOUND),
        None,
    ];
    for verb in [Verb::Create, Verb::Update, Verb::Apply, Verb::Patch, Verb::Delete] {
        for answer in answers {
            metrics.answered(Call { verb, kind: "Application" }, answer);
        }
    }
    for controlled in [Controlled::Application, Controlled::AttachedCluster, Controlled::Fleet] {
        metrics.reconciled(controlled, true, Duration::ZERO);
        metrics.reconciled(controlled, false, Duration::ZERO);
        drop(metrics.0.running.get_or_create_owned(&[("controller", controlled.as_str())]));
    }
    metrics.count_clusters(None, || ["ready", "not-ready", "unknown"].map(|state| (state, 1)).into());
    metrics.count_held(None, || 1);
    review_everything(metrics);
    let catalog = CatalogWatch::default();
    catalog.health().failed("Fleets", Instant::now());
    metrics.tell_of_catalog(catalog);
    metrics.tell_of_certificate(certificate());
    metrics.count_connections(Connections::at_most(1, 1));
    metrics.queue(None).name(&ObjectRef::<Application>::new("shop"));
}

fn review_everything(metrics: &Metrics) {
    let outcomes = [Outcome::Allowed, Outcome::Denied, Outcome::Malformed, Outcome::Shed, Outcome::Failed];
    for endpoint in [Endpoint::Mutating, Endpoint::Validating] {
        for outcome in outcomes {
            let account = Account { about: About::default(), outcome, codes: vec![] };
            metrics.reviews().reviewed(endpoint, &account, Duration::ZERO);
        }
    }
    for why in Unread::ALL {
        metrics.reviews().unread(why);
    }
}

fn certificate() -> Serving {
    let folder = tempfile::tempdir().expect("a folder");
    let issued = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
    let files = [("tls.crt", issued.cert.pem()), ("tls.key", issued.signing_key.serialize_pem())];
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    let (serving, _) = fleetgate_certs::in_folder(folder.path()).expect("a certificate");
    serving
}

/// The names in a text of Prometheus'.
fn read(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            told.metrics.extend(kind.split(' ').next().map(str::to_owned));
        } else if !line.starts_with('#') {
            let series = line.split(['{', ' ']).next().unwrap_or_default();
            let labels = told.series.entry(series.to_owned()).or_default();
            for (label, value) in line.split_once('{').into_iter().flat_map(|(_, rest)| pairs(rest)) {
                labels.entry(label.to_owned()).or_default().insert(value.to_owned());
            }
        }
    }
    told
}

/// The labels up to the closing bracket. No value has a quote in it.
fn pairs(labels: &str) -> impl Iterator<Item = (&str, &str)> {
    let labels = labels.split('}').next().unwrap_or_default();
    labels.split("\",").filter_map(|pair| {
        let (label, value) = pair.split_once("=\"")?;
        Some((label, value.trim_end_matches('"')))
    })
}

#[test]
fn names_labels_and_values_are_read() {
    let told = told();
    assert!(told.metrics.contains("fleetgate_reconcile_seconds") && !told.metrics.contains("fleetgate_eof"));
    let labels = &told.series["fleetgate_reconcile_seconds_bucket"];
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["controller", "le", "outcome"]);
    assert_eq!(labels["outcome"], ["failed", "succeeded"].map(str::to_owned).into());
    let writes = &told.series["fleetgate_writes_total"]["outcome"];
    assert_eq!(writes.len(), 6, "{writes:?}");
}
