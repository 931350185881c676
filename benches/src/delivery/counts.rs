//! What the API server was asked for, by its own count.

use std::collections::BTreeMap;

use axum::http::Request;
use kube::Client;

/// The API server's words for what changes something.
const WRITES: [&str; 6] = ["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"];

/// The resource that a leader renews, and the API server itself.
const LEASES: &str = "leases";

/// Requests by verb and resource, and the CPU time that the API server took.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    requests: BTreeMap<(String, String), u64>,
    cpu_seconds: f64,
}

impl Counts {
    pub(super) async fn of(client: &Client) -> anyhow::Result<Self> {
        let numbers = client.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let mut counts = Self::default();
        for line in numbers.lines() {
            if let Some(seconds) = line.strip_prefix("process_cpu_seconds_total ") {
                counts.cpu_seconds = seconds.parse()?;
            } else if line.starts_with("apiserver_request_total{")
                && let Some((key, count)) = parse(line)
            {
                *counts.requests.entry(key).or_default() += count;
            }
        }
        Ok(counts)
    }

    /// What came on top of those of before.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |key| before.requests.get(key).copied().unwrap_or_default();
        let more = self.requests.iter().map(|(key, count)| (key.clone(), count - earlier(key)));
        Self {
            requests: more.filter(|(_, count)| *count > 0).collect(),
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
        }
    }

    /// The CPU time of the API server, in milliseconds, for each of so many writes.
    #[expect(clippy::cast_precision_loss, reason = "some thousands of writes")]
    pub(super) fn cpu_ms_each(&self, writes: u64) -> f64 {
        self.cpu_seconds * 1e3 / writes.max(1) as f64
    }

    /// What changes something, but for Leases.
    pub(super) fn writes(&self) -> Self {
        self.only(|verb, resource| WRITES.contains(&verb) && resource != LEASES)
    }

    /// What reads objects, but for Leases.
    pub(super) fn reads(&self) -> Self {
        let is_object = |resource: &str| !resource.is_empty() && resource != LEASES;
        self.only(|verb, resource| ["GET", "LIST"].contains(&verb) && is_object(resource))
    }

    /// Of one verb and resource.
    pub(super) fn get(&self, verb: &str, resource: &str) -> u64 {
        self.only(|of, what| of == verb && what == resource).total()
    }

    pub(super) fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// In words, for instance `2 PATCH applications`.
    pub(super) fn told(&self) -> String {
        let told: Vec<String> = self
            .requests
            .iter()
            .map(|((verb, resource), count)| format!("{count} {verb} {resource}"))
            .collect();
        if told.is_empty() { "none".to_owned() } else { told.join(", ") }
    }

    fn only(&self, keep: impl Fn(&str, &str) -> bool) -> Self {
        let kept = self.requests.iter().filter(|((verb, resource), _)| keep(verb, resource));
        Self { requests: kept.map(|(key, count)| (key.clone(), *count)).collect(), ..*self }
    }
}

/// Verb and resource of a line, and how often.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, in floating point's words"
)]
fn parse(line: &str) -> Option<((String, String), u64)> {
    let label = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let count: f64 = line.rsplit_once(' ')?.1.parse().ok()?;
    let resource = match label(",subresource")? {
        "" => label(",resource")?.to_owned(),
        subresource => format!("{}/{subresource}", label(",resource")?),
    };
    Some(((label(",verb")?.to_owned(), resource), count as u64))
}
