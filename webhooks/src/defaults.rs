//! The gaps that admission fills, beyond the defaults of the CRD's schema.
//!
//! **Law**: defaulting twice is defaulting once, and a field that the user set
//! is never changed. As for the API server, `null` is not set.

mod rollout;

use serde_json::{Value, json};

/// Whether there is anything in an Application that has gaps which are filled.
pub(crate) fn may_fill(object: &Value) -> bool {
    let spec = object.get("spec");
    let has_helm = spec.and_then(|spec| spec.get("source")?.get("helmRepository")).is_some();
    let policies = spec.and_then(|spec| spec.get("syncPolicies")?.as_array());
    has_helm || policies.into_iter().flatten().any(|policy| policy.get("rollout").is_some())
}

/// Fills in what an Application leaves open.
pub fn fill(object: &mut Value) {
    helm_type(object);
    rollout::fill(object);
}

/// A Helm repository's absent type follows its URL; Flux takes an absent one for `default`.
fn helm_type(object: &mut Value) {
    let source = object.get_mut("spec").and_then(|spec| spec.get_mut("source"));
    let Some(Value::Object(helm)) = source.and_then(|source| source.get_mut("helmRepository")) else {
        return;
    };
    let is_oci = helm.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with("oci://"));
    if is_oci && !helm.contains_key("type") {
        helm.insert("type".to_owned(), json!("oci"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_types() {
        let table = [
            (json!({"url": "oci://e.com/a"}), json!({"url": "oci://e.com/a", "type": "oci"})),
            (
                json!({"url": "oci://e.com/a", "type": "default"}),
                json!({"url": "oci://e.com/a", "type": "default"}),
            ),
            (json!({"url": "https://e.com"}), json!({"url": "https://e.com"})),
            (json!("no object"), json!("no object")),
        ];
        for (helm, expected) in table {
            let mut object = json!({"spec": {"source": {"helmRepository": helm}}});
            fill(&mut object);
            assert_eq!(object["spec"]["source"]["helmRepository"], expected);
            let once = object.clone();
            fill(&mut object);
            assert_eq!(object, once);
        }
    }
}
