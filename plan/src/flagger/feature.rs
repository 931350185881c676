//! What of a rollout Flagger's router for a provider reads (its
//! `pkg/router/*.go`). What it does not read is not rendered, so that a field
//! that means nothing there cannot get an object refused.

use crate::Provider;

/// Something that a rollout may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// A growing share of all requests (`canaryStrategy`).
    Weights,
    /// An A/B test by headers (`match[].headers`).
    MatchHeaders,
    /// An A/B test by query parameters (`match[].queryParams`).
    MatchQueryParams,
    /// An A/B test by who asks (`match[].sourceLabels`).
    MatchSourceLabels,
    /// A visitor stays with one version (`sessionAffinity`).
    SessionAffinity,
    /// `gateways`.
    Gateways,
    /// `hosts`.
    Hosts,
    /// `timeoutSeconds`.
    Timeout,
    /// `retries`.
    Retries,
    /// `headers`.
    Headers,
    /// `corsPolicy`.
    CorsPolicy,
    /// `host`.
    Host,
    /// `protocol`.
    Protocol,
    /// `ingressRef`.
    IngressRef,
    /// `routeRef`.
    RouteRef,
}

impl Feature {
    /// Every feature, in the order of the documentation's table.
    pub const ALL: [Self; 15] = [
        Self::Weights,
        Self::MatchHeaders,
        Self::MatchQueryParams,
        Self::MatchSourceLabels,
        Self::SessionAffinity,
        Self::Gateways,
        Self::Hosts,
        Self::Timeout,
        Self::Retries,
        Self::Headers,
        Self::CorsPolicy,
        Self::Host,
        Self::Protocol,
        Self::IngressRef,
        Self::RouteRef,
    ];

    /// The field that asks for it.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Weights => "canaryStrategy",
            Self::MatchHeaders => "match[].headers",
            Self::MatchQueryParams => "match[].queryParams",
            Self::MatchSourceLabels => "match[].sourceLabels",
            Self::SessionAffinity => "sessionAffinity",
            Self::Gateways => "gateways",
            Self::Hosts => "hosts",
            Self::Timeout => "timeoutSeconds",
            Self::Retries => "retries",
            Self::Headers => "headers",
            Self::CorsPolicy => "corsPolicy",
            Self::Host => "host",
            Self::Protocol => "protocol",
            Self::IngressRef => "ingressRef",
            Self::RouteRef => "routeRef",
        }
    }
}

impl Provider {
    /// Whether Flagger's router for this provider reads it.
    #[must_use]
    pub const fn reads(self, feature: Feature) -> bool {
        use Provider::{Apisix, Contour, GatewayApiV1, Gloo, Istio, Kubernetes, Kuma, Nginx, Skipper};
        match feature {
            Feature::Weights => !matches!(self, Kubernetes),
            Feature::MatchHeaders => matches!(self, Istio | Nginx | Contour | Gloo) || self.is_gateway_api(),
            Feature::MatchQueryParams
            | Feature::SessionAffinity
            | Feature::Gateways
            | Feature::Hosts
            | Feature::Headers => matches!(self, Istio) || self.is_gateway_api(),
            // The router for v1beta1 never learned of time-outs.
            Feature::Timeout => matches!(self, Istio | Contour | GatewayApiV1),
            Feature::Retries => matches!(self, Istio | Contour),
            Feature::MatchSourceLabels | Feature::CorsPolicy => matches!(self, Istio),
            Feature::Host => matches!(self, Nginx),
            Feature::Protocol => matches!(self, Kuma),
            Feature::IngressRef => matches!(self, Skipper),
            Feature::RouteRef => matches!(self, Apisix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The table of docs/rollouts.md: a row per field, a column per provider.
    fn table() -> String {
        let row = |first: &str, cells: Vec<&str>| format!("| {first} | {} |", cells.join(" | "));
        let mut lines = vec![
            row("field", Provider::ALL.map(Provider::as_str).to_vec()),
            row("---", vec!["---"; Provider::ALL.len()]),
        ];
        for feature in Feature::ALL {
            let mark = |provider: Provider| if provider.reads(feature) { "✓" } else { "" };
            lines.push(row(&format!("`{}`", feature.field()), Provider::ALL.map(mark).to_vec()));
        }
        lines.join("\n")
    }

    #[test]
    fn the_documentation_has_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rollouts.md");
        let page = std::fs::read_to_string(page).expect("the page");
        assert!(page.contains(&table()), "docs/rollouts.md is to hold this table:\n{}", table());
    }
}
