//! Host names, as proxies and the Gateway API take them.

use crate::names::{MAX_LABEL, is_dns_subdomain};

/// A DNS name, or one with `*` in place of its first part, as Ingress and
/// `HTTPRoute` take them.
pub(super) fn is_host(host: &str) -> bool {
    is_dns_subdomain(host.strip_prefix("*.").unwrap_or(host)) && host.len() <= crate::names::MAX_SUBDOMAIN
}

/// A host as Istio takes it: also in upper case, with a dot at its end, or with
/// a first part that only ends as it is written (`*-api.example.com`).
pub(super) fn is_istio_host(host: &str) -> bool {
    /// Istio's own limit.
    const LONGEST: usize = 255;
    if host.is_empty() || host.len() > LONGEST {
        return false;
    }
    let (first, rest) = host.split_once('.').map_or((host, None), |(first, rest)| (first, Some(rest)));
    let ending = first.strip_prefix("*-").or_else(|| first.strip_prefix('*')).unwrap_or(first);
    let is_first = first == "*" || is_label(ending);
    let parts = rest.map(|rest| rest.strip_suffix('.').unwrap_or(rest)).filter(|rest| !rest.is_empty());
    is_first && parts.is_none_or(|parts| parts.split('.').all(is_label))
}

fn is_label(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= MAX_LABEL
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["backend", "app.example.com", "*.example.com", "1.example.com"] {
            assert!(is_host(host) && is_istio_host(host), "{host}");
        }
        for host in ["", "*", "*.", "a..b", "a_b", "https://a.b", "a.b:80", "a.*.b", "-a", "a/b", "ä.de"] {
            assert!(!is_host(host), "{host}");
        }
        for host in ["*", "App.example.com", "backend.webapp.", "*-api.example.com", "*api.example.com"] {
            assert!(is_istio_host(host), "{host}");
        }
        for host in ["", "a..b", "a_b", "https://a.b", "a.b:80", "a.*.b", "-a", "a/b", ".", ".a", "a."] {
            assert_eq!(is_istio_host(host), host == "a.", "{host}");
        }
        assert!(!is_istio_host(&"a".repeat(64)) && !is_istio_host(&["a"; 129].join(".")));
    }
}
