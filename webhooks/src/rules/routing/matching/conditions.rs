//! The conditions of a match that do not reach the provider's router.

use fleetgate_api::rollout::HttpMatch;
use fleetgate_plan::Provider;

use crate::rules::routing::reads::{Field, reads};

/// The fields of conditions that the router does not read. A Canary has but
/// three of them in its matches (Flagger's CRD, `spec.analysis.match`).
pub(in crate::rules::routing) fn unread_conditions(
    provider: Provider,
    item: &HttpMatch,
) -> impl Iterator<Item = &'static str> {
    let gateways = item.gateways.as_ref().is_some_and(|gateways| !gateways.is_empty());
    let without = item.without_headers.as_ref().is_some_and(|headers| !headers.is_empty());
    let params = item.query_params.as_ref().is_some_and(|params| !params.is_empty());
    let labels = item.source_labels.as_ref().is_some_and(|labels| !labels.is_empty());
    let conditions = [
        ("uri", Field::MatchOther, item.uri.is_some()),
        ("scheme", Field::MatchOther, item.scheme.is_some()),
        ("method", Field::MatchOther, item.method.is_some()),
        ("authority", Field::MatchOther, item.authority.is_some()),
        ("withoutHeaders", Field::MatchOther, without),
        ("queryParams", Field::MatchQueryParams, params),
        ("port", Field::MatchOther, item.port.is_some()),
        ("sourceLabels", Field::MatchSourceLabels, labels),
        ("sourceNamespace", Field::MatchOther, item.source_namespace.is_some()),
        ("gateways", Field::MatchOther, gateways),
    ];
    conditions
        .into_iter()
        .filter(move |(_, field, is_set)| *is_set && !reads(provider, *field))
        .map(|(name, _, _)| name)
}
