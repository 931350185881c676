//! The Namespace of the workload, where a mesh needs a mark on it to put its
//! proxies beside the pods.
//!
//! Only that mark is rendered, to be applied server-side: whatever else the
//! Namespace has stays. Kurator makes the Namespace too, and deletes the one
//! that it made together with all that is in it; here it is never removed.

use std::collections::BTreeMap;

use serde_json::Map;

use super::{Context, MemberKind, MemberObject};
use crate::Provider;

pub(super) fn render(context: &Context<'_>) -> Option<MemberObject> {
    let (labels, annotations) = match context.provider {
        Provider::Istio => (mark("istio-injection"), BTreeMap::new()),
        // Newer versions of Kuma read the label; older ones, and Kurator, have the annotation.
        Provider::Kuma => (mark("kuma.io/sidecar-injection"), mark("kuma.io/sidecar-injection")),
        Provider::Linkerd => (BTreeMap::new(), mark("linkerd.io/inject")),
        _ => return None,
    };
    Some(MemberObject {
        kind: MemberKind::Namespace,
        namespace: None,
        name: context.namespace.to_owned(),
        labels,
        annotations,
        body: Map::new(),
        items: Vec::new(),
    })
}

fn mark(key: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), "enabled".to_owned())])
}

#[cfg(test)]
mod tests {
    use super::super::test_fixtures::{find, rollout};
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_meshs_mark_is_set() {
        let table = [
            ("istio", json!({"name": "webapp", "labels": {"istio-injection": "enabled"}})),
            (
                "kuma",
                json!({
                    "name": "webapp",
                    "labels": {"kuma.io/sidecar-injection": "enabled"},
                    "annotations": {"kuma.io/sidecar-injection": "enabled"},
                }),
            ),
            ("linkerd", json!({"name": "webapp", "annotations": {"linkerd.io/inject": "enabled"}})),
        ];
        for (provider, metadata) in table {
            let namespace = find(&rollout(provider, json!({})), MemberKind::Namespace);
            let rendered = serde_json::to_value(namespace[0].render()).expect("it serialises");
            assert_eq!(rendered, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        }
    }

    #[test]
    fn others_need_none() {
        for provider in ["nginx", "kubernetes", "traefik", "gatewayapi:v1"] {
            assert_eq!(find(&rollout(provider, json!({})), MemberKind::Namespace), [], "{provider}");
        }
    }
}
