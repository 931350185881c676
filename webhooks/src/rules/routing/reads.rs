//! What of `trafficRouting` Flagger's router for a provider reads (its
//! `pkg/router/*.go`).

use fleetgate_plan::Provider;

/// A field of `trafficRouting`, or of one of its matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Gateways,
    Hosts,
    Timeout,
    Retries,
    Headers,
    CorsPolicy,
    Host,
    Protocol,
    IngressRef,
    RouteRef,
    MatchHeaders,
    MatchQueryParams,
    MatchSourceLabels,
    /// A field that a Canary's matches do not have.
    MatchOther,
}

/// Whether the provider's router reads the field.
pub(super) fn reads(provider: Provider, field: Field) -> bool {
    use Provider::{Apisix, Contour, GatewayApiV1, Gloo, Istio, Kuma, Nginx, Skipper};
    match field {
        Field::Gateways | Field::Hosts | Field::Headers | Field::MatchQueryParams => {
            provider == Istio || provider.is_gateway_api()
        }
        // The router for v1beta1 never learned of time-outs.
        Field::Timeout => matches!(provider, Istio | Contour | GatewayApiV1),
        Field::Retries => matches!(provider, Istio | Contour),
        Field::CorsPolicy | Field::MatchSourceLabels => provider == Istio,
        Field::Host => provider == Nginx,
        Field::Protocol => provider == Kuma,
        Field::IngressRef => provider == Skipper,
        Field::RouteRef => provider == Apisix,
        Field::MatchHeaders => {
            matches!(provider, Istio | Nginx | Contour | Gloo) || provider.is_gateway_api()
        }
        Field::MatchOther => false,
    }
}
