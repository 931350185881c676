//! What the API server promises the writer, so that one request is enough for a
//! child and nobody else's object is touched, however late the watches are.

use fleetgate_api::FIELD_MANAGER;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::json;

use super::*;

const REPOSITORY: &str = "shop";

fn repositories(sandbox: &Sandbox, namespace: &str) -> Api<DynamicObject> {
    let kind = kube::core::GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", "GitRepository");
    let resource = ApiResource::from_gvk_with_plural(&kind, "gitrepositories");
    Api::namespaced_with(sandbox.client(), namespace, &resource)
}

/// A repository with `metadata` besides its name, to be applied.
fn repository(url: &str, metadata: &Value) -> Patch<Value> {
    let mut repository = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": REPOSITORY}, "spec": {"url": url, "interval": "10m", "suspend": true},
    });
    for (field, value) in metadata.as_object().into_iter().flatten() {
        repository["metadata"][field] = value.clone();
    }
    Patch::Apply(repository)
}

/// What came of an apply: the object's generation, or the refusal's code.
fn came_of(answer: &kube::Result<DynamicObject>) -> Result<i64, u16> {
    match answer {
        Ok(object) => Ok(object.metadata.generation.unwrap_or_default()),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("the API server does not answer: {error}"),
    }
}

#[tokio::test]
async fn a_create_only_apply_never_touches_an_existing_object() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "create-only"]).await;
    let api = repositories(sandbox, "create-only");
    let create = async |url: &str| {
        let parameters = PatchParams::apply(FIELD_MANAGER);
        let made = repository(url, &json!({"resourceVersion": "1"}));
        came_of(&api.patch(REPOSITORY, &parameters, &made).await)
    };
    assert_eq!(create("https://example.com/first").await, Ok(1), "it is created where there is none");
    let before = api.get(REPOSITORY).await.expect("the object");
    for url in ["https://example.com/first", "https://example.com/second"] {
        assert_eq!(create(url).await, Err(409), "{url}: not where there is one");
    }
    let after = api.get(REPOSITORY).await.expect("the object");
    assert_eq!(before, after, "it was not touched");
}

#[tokio::test]
async fn an_apply_with_a_uid_is_for_that_object_alone() {
    let sandbox = delivery();
    kubectl(sandbox, &["create", "namespace", "of-a-uid"]).await;
    let api = repositories(sandbox, "of-a-uid");
    let force = PatchParams::apply(FIELD_MANAGER).force();
    let update = async |url: &str, uid: &str| {
        came_of(&api.patch(REPOSITORY, &force, &repository(url, &json!({ "uid": uid }))).await)
    };
    let someone = PatchParams::apply("someone");
    let made = repository("https://example.com/first", &json!({}));
    let made = api.patch(REPOSITORY, &someone, &made).await.expect("it is made");
    let uid = made.metadata.uid.clone().expect("a uid");
    let other = "11111111-2222-3333-4444-555555555555";
    assert_eq!(update("https://example.com/second", other).await, Err(422), "another uid is refused");
    assert_eq!(api.get(REPOSITORY).await.expect("the object"), made, "it was not touched");
    assert_eq!(update("https://example.com/second", &uid).await, Ok(2), "it is forced on the one meant");
    api.delete(REPOSITORY, &kube::api::DeleteParams::default()).await.expect("it goes");
    assert_eq!(update("https://example.com/second", &uid).await, Err(409), "what is gone stays gone");
}
