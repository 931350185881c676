//! What webhook configurations are told to trust.

use k8s_openapi::ByteString;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::bundle::Bundle;

/// What cert-manager sets the bundle of, from wherever the rest of the name says.
const CERT_MANAGER: &str = "cert-manager.io/inject-ca-from";

/// Set to `false` by whoever sets the bundle.
pub(crate) const INJECT: &str = "fleetgate.dev/inject";

/// One configuration, as far as it is ours: our webhooks in it, and whom each of them trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    version: Option<String>,
    /// Somebody says that they tell it whom to trust.
    is_left_alone: bool,
    /// In their order: a patch that names them in another moves them.
    trusted: Vec<(String, Vec<u8>)>,
}

impl Configuration {
    /// Reads the webhooks that are asked at this Service; others are none of our business. By what there is and
    /// not by names that we know: so replicas of two versions want the same.
    pub(crate) fn read(object: &DynamicObject, namespace: &str, service: &str) -> Self {
        let webhooks = object.data.get("webhooks").and_then(Value::as_array);
        let ours = webhooks.into_iter().flatten().filter_map(|webhook| {
            let asked = webhook.pointer("/clientConfig/service")?;
            let is_ours = asked.get("namespace")? == namespace && asked.get("name")? == service;
            let name = webhook.get("name")?.as_str()?;
            is_ours.then(|| (name.to_owned(), bundle(webhook)))
        });
        let is_left_alone = object
            .annotations()
            .iter()
            .any(|(key, value)| key.starts_with(CERT_MANAGER) || (key == INJECT && value == "false"));
        Self { version: object.resource_version(), is_left_alone, trusted: ours.collect() }
    }

    /// Whether somebody says that they tell it whom to trust.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.is_left_alone
    }

    /// Whether each of our webhooks trusts exactly these.
    pub(crate) fn has(&self, bundle: &Bundle) -> bool {
        let pem = bundle.pem();
        self.trusted.iter().all(|(_, trusted)| trusted == pem.as_bytes())
    }

    /// Whether each of our webhooks trusts all of these, in whatever words.
    pub(crate) fn trusts(&self, is_trusted: impl Fn(&Bundle) -> bool) -> bool {
        self.trusted.iter().all(|(_, trusted)| is_trusted(&Bundle::read(trusted)))
    }

    /// A strategic merge, so that each of our webhooks trusts these. Nothing but the bundle is ours by it: were it
    /// applied, the webhooks themselves would be, and what is left of one could not be stored once whoever installs
    /// them drops it. It is refused where somebody has written the configuration since it was read.
    pub(crate) fn patch(&self, bundle: &Bundle) -> Value {
        let pem = ByteString(bundle.pem().into_bytes());
        let webhooks: Vec<Value> = self
            .trusted
            .iter()
            .map(|(name, _)| json!({"name": name, "clientConfig": {"caBundle": pem}}))
            .collect();
        json!({"metadata": {"resourceVersion": self.version}, "webhooks": webhooks})
    }
}

/// What a webhook trusts; what cannot be read is nothing.
fn bundle(webhook: &Value) -> Vec<u8> {
    let value = webhook.pointer("/clientConfig/caBundle").cloned().unwrap_or_default();
    serde_json::from_value::<ByteString>(value).unwrap_or_default().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::issue;
    use k8s_openapi::jiff::Timestamp;

    fn bundle() -> Bundle {
        let until = Timestamp::from_second(4_000_000_000).expect("a date");
        let issued = issue(&["a.b.svc".to_owned()], until).expect("a certificate");
        Bundle::read(issued.authority.as_bytes())
    }

    fn webhook(name: &str, bundle: Option<&Bundle>) -> Value {
        let bundle = bundle.map(|bundle| ByteString(bundle.pem().into_bytes()));
        let service = if name.starts_with("ours") { "s" } else { "t" };
        json!({"name": name, "clientConfig": {"service": {"name": service, "namespace": "n"}, "caBundle": bundle}})
    }

    fn read(webhooks: &[Value]) -> Configuration {
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "fleetgate", "resourceVersion": "7"},
            "webhooks": webhooks,
        });
        let object = serde_json::from_value(object).expect("an object");
        Configuration::read(&object, "n", "s")
    }

    #[test]
    fn only_our_webhooks_are_looked_at() {
        let (right, wrong) = (bundle(), bundle());
        let table = [
            ("ours has it", vec![webhook("ours", Some(&right))], true),
            ("ours has none", vec![webhook("ours", None)], false),
            ("ours has another", vec![webhook("ours", Some(&wrong))], false),
            ("one of ours has none", vec![webhook("ours", Some(&right)), webhook("ours-too", None)], false),
            ("another's has none", vec![webhook("ours", Some(&right)), webhook("theirs", None)], true),
            ("there is none", vec![], true),
            (
                "it is asked by its URL",
                vec![json!({"name": "ours", "clientConfig": {"url": "https://s.n.svc"}})],
                true,
            ),
        ];
        for (what, webhooks, expected) in table {
            assert_eq!(read(&webhooks).has(&right), expected, "{what}");
        }
    }

    #[test]
    fn who_says_so_sets_the_bundle() {
        let table = [
            ("cert-manager.io/inject-ca-from", "a/b", true),
            ("cert-manager.io/inject-ca-from-secret", "a/b", true),
            ("fleetgate.dev/inject", "false", true),
            ("fleetgate.dev/inject", "true", false),
            ("example.com/inject", "false", false),
        ];
        for (key, value, expected) in table {
            let object = json!({"metadata": {"annotations": {key: value}}, "webhooks": []});
            let object = serde_json::from_value(object).expect("an object");
            assert_eq!(Configuration::read(&object, "n", "s").is_left_alone(), expected, "{key}: {value}");
        }
    }

    #[test]
    fn nothing_is_written_but_the_bundle_of_our_webhooks() {
        let bundle = bundle();
        let configuration =
            read(&[webhook("ours-too", None), webhook("theirs", None), webhook("ours", None)]);
        let pem = ByteString(bundle.pem().into_bytes());
        assert_eq!(
            configuration.patch(&bundle),
            json!({
                "metadata": {"resourceVersion": "7"},
                "webhooks": [
                    {"name": "ours-too", "clientConfig": {"caBundle": pem}},
                    {"name": "ours", "clientConfig": {"caBundle": pem}},
                ],
            })
        );
    }
}
