//! The servers that are compared: both have the product's listener, with its
//! TLS and HTTP, and differ in what answers.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use clap::{Args, ValueEnum};
use fleetgate_plan::Catalog;
use fleetgate_webhooks::router::{self, MUTATE_PATH, Snapshots, VALIDATE_PATH};
use prometheus_client::registry::Registry;

use crate::reviews::{Desk, Numbers};
use crate::server::{self, Connections, Transport};
use crate::{bodies, server_process};

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// Reads the body and answers "allowed", without looking.
    Floor,
    /// Reviews.
    Fleetgate,
}

/// How a server is started.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What answers
    #[arg(value_enum)]
    side: Side,
    /// Where it listens
    #[arg(long)]
    bind: SocketAddr,
    /// Folder with tls.crt and tls.key
    #[arg(long)]
    cert_dir: PathBuf,
    /// How many clusters the Fleet in the Catalog has
    #[arg(long)]
    clusters: usize,
    /// The core that it runs on; all of them without it
    #[arg(long)]
    core: Option<usize>,
}

/// Serves until it is killed.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(core) = options.core {
        server_process::pin_to(core)?;
        runtime.worker_threads(1);
    }
    let runtime = runtime.enable_all().build().context("no runtime can be started")?;
    // What would read it again is left out: it stays as it is.
    let (certificate, _) = fleetgate_certs::in_folder(&options.cert_dir)?;
    let router = match options.side {
        Side::Floor => floor(),
        Side::Fleetgate => {
            // With the numbers and the log line of each review, as in the product.
            let desk = Desk::new(Numbers::register(&mut Registry::default())).context("no desk")?;
            router::router(Fixed(bodies::catalog(options.clusters)?), desk)
        }
    };
    runtime.block_on(async {
        let listener = server::listen(options.bind)?;
        let (transport, connections) = (Transport::Tls(certificate.tls()), Connections::shared(usize::MAX));
        server::serve(listener, "a side", transport, router, connections, std::future::pending()).await
    })
}

/// The least that a webhook can do.
fn floor() -> Router {
    Router::new().route(MUTATE_PATH, post(allow)).route(VALIDATE_PATH, post(allow))
}

/// The API server wants its uid back, and nothing more.
async fn allow(body: Bytes) -> impl IntoResponse {
    let answer = format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{}","allowed":true}}}}"#,
        uid(&body)
    );
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

/// The first uid of a body: the request's own, which the API server writes ahead of the object.
fn uid(body: &[u8]) -> &str {
    const BEFORE: &[u8] = br#""uid":""#;
    let start = body.windows(BEFORE.len()).position(|window| window == BEFORE).map(|at| at + BEFORE.len());
    let rest = start.and_then(|start| body.get(start..)).unwrap_or_default();
    let uid = rest.split(|byte| *byte == b'"').next().unwrap_or_default();
    std::str::from_utf8(uid).unwrap_or_default()
}

/// A Catalog that stays as it is.
#[derive(Clone, Debug)]
struct Fixed(Catalog);

impl Snapshots for Fixed {
    fn current(&self) -> Catalog {
        self.0.clone()
    }

    async fn newer(&self, _than: &Catalog, _within: Duration) -> Option<Catalog> {
        None
    }
}
