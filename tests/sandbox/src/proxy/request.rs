//! What a request asks of the API server, read from its line and its headers. Pure.

use std::fmt;

use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, Uri};

/// What is to be done, in Kubernetes' words; a server-side apply is a verb of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// One object, or a path that is no resource, such as `/version`.
    Get,
    /// All objects of a resource.
    List,
    /// All changes of a resource.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH, but for a server-side apply.
    Patch,
    /// A server-side apply.
    Apply,
    /// DELETE of one object.
    Delete,
    /// DELETE of all objects of a resource.
    DeleteCollection,
}

impl Verb {
    /// Whether something may be different afterwards.
    #[must_use]
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Get | Self::List | Self::Watch)
    }
}

/// What was asked of what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// What is to be done.
    pub verb: Verb,
    /// The plural, with its subresource: `applications`, `applications/status`; or a path that is none.
    pub resource: String,
    /// Empty where none is named.
    pub namespace: String,
    /// Empty where none is named, as in a creation.
    pub name: String,
}

impl Asked {
    /// Whether it is this of that.
    pub(super) fn is(&self, verb: Verb, resource: &str) -> bool {
        self.verb == verb && self.resource == resource
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {} {}/{}", self.verb, self.resource, self.namespace, self.name)
    }
}

pub(super) fn read(parts: &Parts) -> Asked {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    of(&parts.method, &parts.uri, content_type.unwrap_or_default())
}

fn of(method: &Method, uri: &Uri, content_type: &str) -> Asked {
    let [resource, namespace, name] = target(uri.path());
    let is_watch = uri.query().is_some_and(|query| {
        query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "watch"))
    });
    let verb = match method.as_str() {
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" if content_type.starts_with("application/apply-patch") => Verb::Apply,
        "PATCH" => Verb::Patch,
        "DELETE" if name.is_empty() => Verb::DeleteCollection,
        "DELETE" => Verb::Delete,
        _ if is_watch => Verb::Watch,
        _ if name.is_empty() && !resource.starts_with('/') => Verb::List,
        _ => Verb::Get,
    };
    Asked { verb, resource, namespace, name }
}

/// Resource with subresource, namespace and name.
fn target(path: &str) -> [String; 3] {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let below_version = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        _ => &[],
    };
    let (namespace, rest) = match below_version {
        // A namespace itself has at most a subresource.
        ["namespaces", namespace, rest @ ..] if !matches!(rest, [] | ["status" | "finalize"]) => {
            (*namespace, rest)
        }
        rest => ("", rest),
    };
    match rest {
        [] => [path.to_owned(), String::new(), String::new()],
        [resource] => [(*resource).to_owned(), namespace.to_owned(), String::new()],
        [resource, name] => [(*resource).to_owned(), namespace.to_owned(), (*name).to_owned()],
        [resource, name, rest @ ..] => {
            [format!("{resource}/{}", rest.join("/")), namespace.to_owned(), (*name).to_owned()]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_the_api_server_reads_it() {
        let apply = "application/apply-patch+yaml";
        let table = [
            ("GET", "/version", "", "Get /version /"),
            ("GET", "/apis/apps/v1", "", "Get /apis/apps/v1 /"),
            ("GET", "/api/v1/secrets?limit=500", "", "List secrets /"),
            ("GET", "/api/v1/namespaces", "", "List namespaces /"),
            ("GET", "/api/v1/namespaces/shop", "", "Get namespaces /shop"),
            ("PUT", "/api/v1/namespaces/shop/finalize", "", "Update namespaces/finalize /shop"),
            ("GET", "/api/v1/namespaces/shop/secrets/a", "", "Get secrets shop/a"),
            (
                "GET",
                "/apis/apps.kurator.dev/v1alpha1/applications?watch=true&x=1",
                "",
                "Watch applications /",
            ),
            ("POST", "/apis/a.dev/v1/namespaces/shop/kustomizations", "", "Create kustomizations shop/"),
            (
                "PATCH",
                "/apis/a.dev/v1/namespaces/shop/kustomizations/k?fieldManager=m",
                apply,
                "Apply kustomizations shop/k",
            ),
            (
                "PATCH",
                "/apis/a.dev/v1/namespaces/shop/applications/a/status",
                "application/merge-patch+json",
                "Patch applications/status shop/a",
            ),
            ("DELETE", "/apis/a.dev/v1/namespaces/shop/applications/a", "", "Delete applications shop/a"),
            (
                "DELETE",
                "/apis/a.dev/v1/namespaces/shop/applications",
                "",
                "DeleteCollection applications shop/",
            ),
        ];
        for (method, uri, content_type, expected) in table {
            let asked = of(&method.parse().unwrap(), &uri.parse().unwrap(), content_type);
            assert_eq!(format!("{asked:?}"), expected, "{method} {uri}");
        }
    }
}
