//! What the API server was asked for, by its own count.

use std::collections::BTreeMap;

use axum::http::Request;
use kube::Client;

/// The API server's words for what changes something.
const WRITES: [&str; 6] = ["APPLY", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT"];

/// The resource that a leader renews, and the API server itself.
const LEASES: &str = "leases";

/// Requests by verb and resource.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(BTreeMap<(String, String), u64>);

impl Counts {
    pub(super) async fn of(client: &Client) -> anyhow::Result<Self> {
        let numbers = client.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let mut counts = BTreeMap::new();
        for line in numbers.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
            if let Some((key, count)) = parse(line) {
                *counts.entry(key).or_default() += count;
            }
        }
        Ok(Self(counts))
    }

    /// What came on top of those of before.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |key| before.0.get(key).copied().unwrap_or_default();
        let more = self.0.iter().map(|(key, count)| (key.clone(), count - earlier(key)));
        Self(more.filter(|(_, count)| *count > 0).collect())
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
        self.0.values().sum()
    }

    /// In words, for instance `2 PATCH applications`.
    pub(super) fn told(&self) -> String {
        let told: Vec<String> =
            self.0.iter().map(|((verb, resource), count)| format!("{count} {verb} {resource}")).collect();
        if told.is_empty() { "none".to_owned() } else { told.join(", ") }
    }

    fn only(&self, keep: impl Fn(&str, &str) -> bool) -> Self {
        let kept = self.0.iter().filter(|((verb, resource), _)| keep(verb, resource));
        Self(kept.map(|(key, count)| (key.clone(), *count)).collect())
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
