//! Server-side applies, in the form that costs the API server least.
//!
//! It reads their bodies as YAML. There a bracket may begin a key until its line ends, or has a thousand characters
//! more, and whatever follows is queued until then: JSON on one line takes it twice as long, and three times the memory,
//! as the same on many. Unless told otherwise, it then reads the body once more for fields that stand there
//! twice, to warn of them, which no body of ours has.

use axum::http::Request as HttpRequest;
use fleetgate_api::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an apply is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The object, but for its status.
    Object,
    /// Its status alone.
    Status,
}

/// Applies `object` under that name; with `force`, fields of others become ours.
///
/// # Errors
///
/// When the API server refuses it, or cannot be asked.
pub(crate) async fn apply<K: Resource + Clone + DeserializeOwned>(
    api: Api<K>,
    (name, part): (&str, Part),
    object: &impl Serialize,
    force: bool,
) -> kube::Result<K> {
    let mut request = request(api.resource_url(), (name, part), force).map_err(kube::Error::BuildRequest)?;
    *request.body_mut() = serde_json::to_vec_pretty(object).map_err(kube::Error::SerdeError)?;
    api.into_client().request(request).await
}

/// The request, as yet without a body.
fn request(
    url: &str,
    (name, part): (&str, Part),
    force: bool,
) -> Result<HttpRequest<Vec<u8>>, kube::core::request::Error> {
    let parameters = PatchParams { force, ..PatchParams::apply(FIELD_MANAGER).validation_ignore() };
    let (url, nothing) = (Request::new(url), Patch::Apply(()));
    let mut request = match part {
        Part::Object => url.patch(name, &parameters, &nothing),
        Part::Status => url.patch_subresource("status", name, &parameters, &nothing),
    }?;
    // The name of its span.
    request.extensions_mut().insert("apply");
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::header::CONTENT_TYPE;
    use axum::http::{HeaderMap, Uri};
    use kube::Client;
    use kube::api::{ApiResource, DynamicObject};
    use kube::core::GroupVersionKind;
    use serde_json::{Value, json};

    /// What is asked of the API server is answered in an annotation.
    async fn asked(uri: Uri, headers: HeaderMap, body: Bytes) -> String {
        let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut object: Value = serde_json::from_slice(&body).expect("JSON");
        let body = String::from_utf8_lossy(&body);
        let asked = json!({"uri": uri.to_string(), "content": content, "body": body});
        object["metadata"]["annotations"] = asked;
        object.to_string()
    }

    #[tokio::test]
    async fn a_body_is_of_many_lines_and_read_once() {
        let client = Client::new(Router::new().fallback(asked), "default");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Thing"));
        let object =
            json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": [1]});
        let url = "/apis/example.com/v1/namespaces/b/things/a";
        let table = [
            (Part::Object, false, format!("{url}?&fieldManager=fleetgate&fieldValidation=Ignore")),
            (
                Part::Status,
                true,
                format!("{url}/status?&force=true&fieldManager=fleetgate&fieldValidation=Ignore"),
            ),
        ];
        for (part, force, uri) in table {
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "b", &resource);
            let answer = apply(api, ("a", part), &object, force).await.expect("an answer");
            let asked = answer.metadata.annotations.expect("what was asked");
            assert_eq!(asked["uri"], uri);
            assert_eq!(asked["content"], "application/apply-patch+yaml");
            let body = &asked["body"];
            assert_eq!(serde_json::from_str::<Value>(body).expect("JSON"), object);
            assert!(!body.lines().any(|line| line.contains('{') && !line.ends_with('{')), "{body}");
        }
    }
}
