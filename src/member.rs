//! Questions to a member cluster, with its own kubeconfig.
//!
//! **Invariant**: a kubeconfig is data from a tenant, and serves nobody to look
//! around where the host can reach. Two paths are asked for, no redirect is
//! followed, nothing takes longer than [`DEADLINE`], and what answers is never
//! repeated, but for a version that looks like one.

mod fault;

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Uri};
use fleetgate_api::ConditionReason;
use kube::{Client, Config};
use serde_json::Value;

use self::fault::Fault;

/// How long all questions together may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The most of an answer that is read, in bytes.
const MOST: usize = 64 * 1024;

/// The longest version, in bytes.
const LONGEST_VERSION: usize = 64;

/// Why a cluster cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreached {
    pub(crate) reason: ConditionReason,
    pub(crate) message: String,
}

/// Whether the cluster works, and if so its version.
///
/// # Errors
///
/// When it does not, does not answer, or does not let the user in.
pub(crate) async fn probe(config: Config) -> Result<String, Unreached> {
    probe_within(config, DEADLINE).await
}

async fn probe_within(mut config: Config, deadline: Duration) -> Result<String, Unreached> {
    config.connect_timeout = Some(deadline);
    config.read_timeout = Some(deadline);
    // Whoever asks tries again, in its own time.
    config.default_retry = false;
    let server = server(&config.cluster_url);
    let asked = async {
        let client = Client::try_from(config).map_err(|_| Fault::Unusable)?;
        answer(&client, "/readyz").await?;
        let body = answer(&client, "/version").await?;
        version(&body).ok_or(Fault::NoVersion)
    };
    let asked = tokio::time::timeout(deadline, asked).await;
    asked.unwrap_or(Err(Fault::Late)).map_err(|fault| fault.of(&server))
}

/// Host and port: there may be a password beside them.
pub(crate) fn server(url: &Uri) -> String {
    let host = url.host().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn answer(client: &Client, path: &'static str) -> Result<Bytes, Fault> {
    let request = Request::get(path).body(kube::client::Body::empty()).map_err(|_| Fault::Unusable)?;
    let answer = client.send(request).await.map_err(Fault::Broken)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(Fault::Answered { path, status });
    }
    // Read to its end, so that the next question goes the same way.
    to_bytes(Body::new(answer.into_body()), MOST).await.map_err(|_| Fault::Garbled { path })
}

/// The version, if that is what was answered.
fn version(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let version = body.get("gitVersion")?.as_str()?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b'_');
    let is_version =
        version.starts_with('v') && version.len() <= LONGEST_VERSION && version.bytes().all(is_legal);
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests;
