//! Rules about AttachedClusters: where the kubeconfig is and what it may say,
//! what other labels take away, and whether one may be deleted.

pub mod content;
pub mod in_use;
pub mod labels;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{ClusterInput, DENIES_OR_WARNS, Example, Rule};

/// `cluster/kubeconfig`
pub const KUBECONFIG: Rule = Rule {
    code: "cluster/kubeconfig",
    severities: DENIES_OR_WARNS,
    what: "The kubeconfig's Secret has a name that no object can have, or its key is one that no Secret can have. A warning where no kubeconfig is named at all.",
    why: "The cluster could never be reached. An absent key is `value`, as in Kurator.",
    example: Example::new(r#"spec.kubeconfig.name: "m1/kubeconfig""#, r#"spec.kubeconfig.name: "m1""#),
};

/// The longest key of a Secret, in bytes.
const MAX_KEY: usize = 253;

pub(crate) fn check(input: ClusterInput<'_>, findings: &mut Findings) {
    let path = FieldPath::spec().field("kubeconfig");
    let Some(reference) = &input.cluster.spec.kubeconfig else {
        let message = "is not set: nothing is delivered to this cluster until it names a Secret";
        findings.push(Finding::warning(&KUBECONFIG, path, Fault::Required, message));
        return;
    };
    let refuse = |field: &'static str, value: &str, message: &str| {
        let fault = if value.is_empty() { Fault::Required } else { Fault::Invalid };
        let finding = Finding::error(&KUBECONFIG, path.field(field), fault, message);
        if value.is_empty() { finding } else { finding.value(value) }
    };
    if !names::is_dns_subdomain(&reference.name) {
        let message = "must be the name of a Secret in the cluster's namespace: lower case letters, digits, '-' and '.'";
        findings.push(refuse("name", &reference.name, message));
    }
    if !is_secret_key(&reference.key) {
        let message = "must be a key of the Secret: letters, digits, '-', '_' and '.', at most 253 of them";
        findings.push(refuse("key", &reference.key, message).hint("the usual one is \"value\""));
    }
}

/// What Kubernetes takes as a key of a Secret (`validation.IsConfigMapKey`).
fn is_secret_key(key: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !key.is_empty()
        && key.len() <= MAX_KEY
        && key.bytes().all(is_legal)
        && key != "."
        && !key.starts_with("..")
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::cluster_codes;
    use serde_json::{Value, json};

    #[test]
    fn kubeconfigs() {
        let with = |name: &str, key: Value| json!({"kubeconfig": {"name": name, "key": key}});
        let bad = "E cluster/kubeconfig";
        let table = [
            (with("m1", json!("value")), ""),
            (with("m1", json!("KUBECONFIG")), ""),
            (with("m1", json!("kurator-member1.config")), ""),
            (with("m1", json!("..")), bad),
            (with("m1", json!(".")), bad),
            (with("m1", json!("..data")), bad),
            (with("m1", json!(".data")), ""),
            (with("m1", json!("a/b")), bad),
            (with("m1", json!("")), bad),
            (with("m1", json!("k".repeat(253))), ""),
            (with("m1", json!("k".repeat(254))), bad),
            (with("m1", json!(null)), ""),
            (json!({"kubeconfig": {"name": "m1"}}), ""),
            (with("m1.kubeconfig", json!("value")), ""),
            (with("kurator-member1/a", json!("value")), bad),
            (with("M1", json!("value")), bad),
            (with("", json!("value")), bad),
            (json!({"kubeconfig": {}}), "E object/unreadable"),
            (json!({}), "W cluster/kubeconfig"),
        ];
        for (spec, expected) in table {
            assert_eq!(cluster_codes(spec.clone()), expected, "{spec}");
        }
    }
}
