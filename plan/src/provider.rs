//! What shifts a rollout's traffic: the providers of Flagger that Fleetgate
//! supports, in Flagger's exact spelling (its `pkg/router/factory.go`).
//!
//! Not among them are those that their projects have given up (App Mesh, Open
//! Service Mesh, the Service Mesh Interface).

use std::fmt;

/// A provider of Flagger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// APISIX, by an `ApisixRoute` that exists.
    Apisix,
    /// Contour, by an `HTTPProxy`.
    Contour,
    /// The Gateway API, v1, by an `HTTPRoute`.
    GatewayApiV1,
    /// The Gateway API, v1beta1, by an `HTTPRoute`.
    GatewayApiV1Beta1,
    /// Gloo, by a `RouteTable`.
    Gloo,
    /// Istio, by a `VirtualService`.
    Istio,
    /// Knative Serving, by a Knative Service's traffic.
    Knative,
    /// Kubernetes alone: Services are switched, blue/green only.
    Kubernetes,
    /// Kuma, by a `TrafficRoute`.
    Kuma,
    /// Linkerd, by a `TrafficSplit`.
    Linkerd,
    /// NGINX Ingress, by a second Ingress.
    Nginx,
    /// Skipper, by an Ingress that exists.
    Skipper,
    /// Traefik, by a `TraefikService`.
    Traefik,
}

impl Provider {
    /// Every provider, in the order of their names.
    pub const ALL: [Self; 13] = [
        Self::Apisix,
        Self::Contour,
        Self::GatewayApiV1,
        Self::GatewayApiV1Beta1,
        Self::Gloo,
        Self::Istio,
        Self::Knative,
        Self::Kubernetes,
        Self::Kuma,
        Self::Linkerd,
        Self::Nginx,
        Self::Skipper,
        Self::Traefik,
    ];

    /// The provider that Flagger knows by exactly that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// Flagger's name for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apisix => "apisix",
            Self::Contour => "contour",
            Self::GatewayApiV1 => "gatewayapi:v1",
            Self::GatewayApiV1Beta1 => "gatewayapi:v1beta1",
            Self::Gloo => "gloo",
            Self::Istio => "istio",
            Self::Knative => "knative",
            Self::Kubernetes => "kubernetes",
            Self::Kuma => "kuma",
            Self::Linkerd => "linkerd",
            Self::Nginx => "nginx",
            Self::Skipper => "skipper",
            Self::Traefik => "traefik",
        }
    }

    /// Whether it is one of the Gateway API's versions.
    #[must_use]
    pub const fn is_gateway_api(self) -> bool {
        matches!(self, Self::GatewayApiV1 | Self::GatewayApiV1Beta1)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for provider in Provider::ALL {
            assert_eq!(Provider::of(provider.as_str()), Some(provider));
        }
        for unknown in ["Istio", "gatewayapi", "appmesh", ""] {
            assert_eq!(Provider::of(unknown), None, "{unknown}");
        }
    }
}
