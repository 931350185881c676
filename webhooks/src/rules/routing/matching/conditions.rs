//! The conditions of a match that do not reach the provider's router.

use fleetgate_api::rollout::HttpMatch;
use fleetgate_plan::Provider;
use fleetgate_plan::flagger::Feature;

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
    // Most of them no router reads.
    let conditions = [
        ("uri", None, item.uri.is_some()),
        ("scheme", None, item.scheme.is_some()),
        ("method", None, item.method.is_some()),
        ("authority", None, item.authority.is_some()),
        ("withoutHeaders", None, without),
        ("queryParams", Some(Feature::MatchQueryParams), params),
        ("port", None, item.port.is_some()),
        ("sourceLabels", Some(Feature::MatchSourceLabels), labels),
        ("sourceNamespace", None, item.source_namespace.is_some()),
        ("gateways", None, gateways),
    ];
    conditions
        .into_iter()
        .filter(move |(_, field, is_set)| *is_set && !field.is_some_and(|field| provider.reads(field)))
        .map(|(name, _, _)| name)
}
