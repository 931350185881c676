//! What a request to the API server is, as far as it is counted: a verb and a
//! kind, each of a closed set.

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use fleetgate_plan::FluxKind;
use fleetgate_webhooks::Kind;

/// The content type of a server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// Kinds that Fleetgate reads or writes besides its own and Flux's, by the names of their resources.
const OTHERS: [(&str, &str); 8] = [
    ("clusters", "Cluster"),
    ("customclusters", "CustomCluster"),
    ("customresourcedefinitions", "CustomResourceDefinition"),
    ("events", "Event"),
    ("leases", "Lease"),
    ("namespaces", "Namespace"),
    ("secrets", "Secret"),
    ("serviceaccounts", "ServiceAccount"),
];

/// The kind of whatever is none of the known ones.
const UNKNOWN: &str = "Other";

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Reads what there is now.
    Read,
    /// Opens a watch.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// A server-side apply.
    Apply,
    /// Any other PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// Its name as a label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Apply => "apply",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes something.
    pub(crate) const fn is_write(self) -> bool {
        !matches!(self, Self::Read | Self::Watch)
    }

    fn of<B>(request: &Request<B>) -> Self {
        let is_apply = || request.headers().get(CONTENT_TYPE).is_some_and(|value| value == APPLY);
        let query = request.uri().query().unwrap_or_default();
        match *request.method() {
            Method::GET | Method::HEAD if query.split('&').any(|pair| pair == "watch=true") => Self::Watch,
            Method::GET | Method::HEAD => Self::Read,
            Method::POST => Self::Create,
            Method::DELETE => Self::Delete,
            Method::PATCH if is_apply() => Self::Apply,
            Method::PATCH => Self::Patch,
            // Whatever else there is may write.
            _ => Self::Update,
        }
    }
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) kind: &'static str,
}

impl<B> From<&Request<B>> for Call {
    fn from(request: &Request<B>) -> Self {
        Self { verb: Verb::of(request), kind: resource(request.uri().path()).map_or(UNKNOWN, kind) }
    }
}

/// The resource in a path, by its plural.
fn resource(path: &str) -> Option<&str> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let skipped = match segments.next()? {
        "api" => 1,
        "apis" => 2,
        _ => return None,
    };
    let rest: Vec<&str> = segments.skip(skipped).collect();
    match rest[..] {
        ["namespaces", _, resource, ..] | [resource, ..] => Some(resource),
        [] => None,
    }
}

fn kind(resource: &str) -> &'static str {
    let flux = FluxKind::ALL.map(|kind| (kind.plural(), kind.kind()));
    let ours = Kind::ALL.map(|kind| (kind.plural(), kind.as_str()));
    let all = flux.into_iter().chain(ours).chain(OTHERS);
    all.into_iter().find(|(plural, _)| *plural == resource).map_or(UNKNOWN, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_of_a_closed_set() {
        let table = [
            ("GET", "/apis/apps.kurator.dev/v1alpha1/applications?limit=500", "read Application"),
            (
                "GET",
                "/apis/apps.kurator.dev/v1alpha1/applications?watch=true&timeoutSeconds=290",
                "watch Application",
            ),
            ("GET", "/apis/fleet.kurator.dev/v1alpha1/namespaces/a/fleets/watch=true", "read Fleet"),
            ("GET", "/api/v1/namespaces?&watch=true", "watch Namespace"),
            ("GET", "/api/v1/namespaces/a", "read Namespace"),
            ("GET", "/api/v1/namespaces/a/secrets/fleets", "read Secret"),
            ("POST", "/apis/events.k8s.io/v1/namespaces/a/events", "create Event"),
            ("PUT", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b", "update Lease"),
            (
                "PATCH",
                "/apis/source.toolkit.fluxcd.io/v1/namespaces/a/ocirepositories/b?fieldManager=c",
                "patch OCIRepository",
            ),
            (
                "APPLY",
                "/apis/cluster.kurator.dev/v1alpha1/namespaces/a/attachedclusters/b/status",
                "apply AttachedCluster",
            ),
            ("DELETE", "/apis/helm.toolkit.fluxcd.io/v2/namespaces/a/helmreleases/b", "delete HelmRelease"),
            ("POST", "/apis/example.com/v1/namespaces/a/tenants-may-name-these", "create Other"),
            ("GET", "/version", "read Other"),
            ("GET", "/apis/apps.kurator.dev", "read Other"),
        ];
        for (method, uri, expected) in table {
            let request = match method {
                "APPLY" => Request::patch(uri).header(CONTENT_TYPE, APPLY),
                method => Request::builder().method(method).uri(uri),
            };
            let call = Call::from(&request.body(()).expect("a request"));
            assert_eq!(format!("{} {}", call.verb.as_str(), call.kind), expected, "{method} {uri}");
        }
    }
}
