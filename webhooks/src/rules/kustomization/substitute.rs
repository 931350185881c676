//! The rule about variables that are substituted in manifests.

use fleetgate_api::kustomization::PostBuild;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::data_source::DataSource;
use crate::rules::{DENIES, Example, Rule};

/// `kustomization/substitute`
pub const SUBSTITUTE: Rule = Rule {
    code: "kustomization/substitute",
    severities: DENIES,
    what: "A variable of `postBuild.substitute` whose name is not a letter or `_` with letters, digits and `_` behind it; an item of `substituteFrom` without name or of a kind other than ConfigMap and Secret.",
    why: "Flux fails the whole build.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.postBuild: {"substitute": {"cluster-env": "test"}}"#,
        r#"spec.syncPolicies[0].kustomization.postBuild: {"substitute": {"cluster_env": "test"}}"#,
    ),
};

pub(super) fn check(post_build: &PostBuild, path: &FieldPath, findings: &mut Findings) {
    for name in post_build.substitute.iter().flatten().map(|(name, _)| name) {
        if !is_variable(name) {
            let message = "must be a letter or '_', with letters, digits and '_' behind it";
            let path = path.field("substitute").key(name);
            findings.push(Finding::error(&SUBSTITUTE, path, Fault::Invalid, message).value(name.as_str()));
        }
    }
    for (index, reference) in post_build.substitute_from.iter().flatten().enumerate() {
        let source = DataSource {
            kind: &reference.kind,
            name: &reference.name,
            optional: reference.optional.unwrap_or_default(),
        };
        source.check(&SUBSTITUTE, &path.field("substituteFrom").index(index), findings);
    }
}

/// `^[_[:alpha:]][_[:alpha:][:digit:]]*$` (`varsubRegex` of Flux).
fn is_variable(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_start) && name.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, git_source, kustomization};
    use serde_json::{Value, json};

    fn with(post_build: Value) -> Value {
        let mut kustomization = kustomization();
        kustomization["postBuild"] = post_build;
        json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]})
    }

    #[test]
    fn variables() {
        for (name, expected) in [
            ("cluster_env", ""),
            ("_1", ""),
            ("A", ""),
            ("cluster-env", "E kustomization/substitute"),
            ("1a", "E kustomization/substitute"),
            ("a.b", "E kustomization/substitute"),
            ("é", "E kustomization/substitute"),
            ("", "E kustomization/substitute"),
        ] {
            assert_eq!(codes(with(json!({"substitute": {name: "x"}}))), expected, "{name:?}");
        }
    }

    #[test]
    fn variables_come_from_config_maps_and_secrets() {
        let table = [
            (json!({"kind": "ConfigMap", "name": "vars"}), ""),
            (json!({"kind": "configmap", "name": "vars"}), "E kustomization/substitute"),
            (json!({"kind": "Secret", "name": ""}), "E kustomization/substitute"),
            (json!({"kind": "Secret", "name": "a b"}), "E kustomization/substitute"),
            (json!({"kind": "Secret", "name": "a b", "optional": true}), ""),
        ];
        for (reference, expected) in table {
            assert_eq!(codes(with(json!({"substituteFrom": [reference.clone()]}))), expected, "{reference}");
        }
    }
}
