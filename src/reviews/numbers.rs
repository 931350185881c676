//! The numbers of reviews: every label is of a closed set.

use std::time::Duration;

use fleetgate_webhooks::review::{self, Account};
use fleetgate_webhooks::router::Unread;
use fleetgate_webhooks::{Endpoint, Kind};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A label and its value.
type Label = (&'static str, &'static str);

/// How reviews went.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    done: Family<[Label; 4], Counter>,
    took: Family<[Label; 1], Histogram, fn() -> Histogram>,
    unread: Family<[Label; 1], Counter>,
}

impl Numbers {
    /// None yet; told with the `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let took: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(histogram);
        let this = Self { done: Family::default(), took, unread: Family::default() };
        registry.register("reviews", "Admission reviews, by what they came to", this.done.clone());
        let help = "How long an admission review took, from its head to its answer";
        registry.register_with_unit("review", help, Unit::Seconds, this.took.clone());
        let help = "Requests for a review that were not read";
        registry.register("requests_unread", help, this.unread.clone());
        this
    }

    /// Has what alerts look for told from now on, though there was none yet: Prometheus sees no
    /// increase in a number that it did not know before.
    pub(super) fn begin(&self) {
        for refusal in [review::shed(&[]), review::failed(&[])] {
            drop(self.done.get_or_create(&labels(&refusal.account)));
        }
        for why in Unread::ALL {
            drop(self.unread.get_or_create(&[("reason", why.as_str())]));
        }
    }

    pub(crate) fn reviewed(&self, endpoint: Endpoint, account: &Account, took: Duration) {
        self.done.get_or_create(&labels(account)).inc();
        // Not `endpoint`: Prometheus' operator calls the port so from which it has the numbers.
        self.took.get_or_create(&[("webhook", endpoint.as_str())]).observe(took.as_secs_f64());
    }

    pub(crate) fn unread(&self, why: Unread) {
        self.unread.get_or_create(&[("reason", why.as_str())]).inc();
    }
}

fn labels(account: &Account) -> [Label; 4] {
    [
        ("kind", account.about.kind.map_or("other", Kind::as_str)),
        ("operation", account.about.operation.as_str()),
        ("verdict", account.outcome.as_str()),
        ("code", account.codes.first().copied().unwrap_or_default()),
    ]
}

/// From 50 µs, which little takes less than, to more than the API server waits.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.5, 14))
}
