//! Rules about the object as a whole: its shape and its name.

use serde_json::Value;

use super::{DENIES, DENIES_OR_WARNS, Example, Input, Rule};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;

/// `object/unreadable`
pub const UNREADABLE: Rule = Rule {
    code: "object/unreadable",
    severities: DENIES,
    what: "The object does not have the schema of its kind; the path and the expected type are given.",
    why: "The API server would refuse it, with its first complaint only.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.prune: "yes""#,
        r"spec.syncPolicies[0].kustomization.prune: true",
    ),
};

/// `object/name`
pub const NAME: Rule = Rule {
    code: "object/name",
    severities: DENIES,
    what: "No name, one that is no RFC 1123 subdomain, or an Application's name that is longer than 63 characters.",
    why: "The API server refuses the one; and everything that an Application becomes carries its name as a label value.",
    example: Example::new(r#"metadata.name: "Shop""#, r#"metadata.name: "shop""#),
};

/// `object/deprecated-field`
pub const DEPRECATED_FIELD: Rule = Rule {
    code: "object/deprecated-field",
    severities: DENIES_OR_WARNS,
    what: "An early field name (`spec.syncPolicy`, `spec.source.gitRepo`, `helmRepo`, `ociRepo`) is used; it is moved to its new name. An error where old and new name are set to different values.",
    why: "Only the new name is stored and delivered.",
    example: Example::new(
        r#"
            spec.source.gitRepository: null
            spec.source.gitRepo: {"url": "https://github.com/o/r", "interval": "5m"}
        "#,
        r#"spec.source.gitRepository: {"url": "https://github.com/o/r", "interval": "5m"}"#,
    ),
};

/// `object/unknown-field`, mostly in `check`: the API server prunes or refuses
/// unknown fields before a webhook sees the object, where it has a schema.
pub const UNKNOWN_FIELD: Rule = Rule {
    code: "object/unknown-field",
    severities: DENIES,
    what: "A field that the kind does not have; the nearest known name is given, or where a field of that name belongs. At admission only below an early field name; `check` finds all.",
    why: "kubectl's strict validation refuses it; without it the API server drops it without a word.",
    example: Example::new(
        r#"spec.source.gitRepository.ulr: "https://github.com/o/r""#,
        r#"spec.source.gitRepository.url: "https://github.com/o/r""#,
    ),
};

pub(super) fn check(input: Input<'_>, findings: &mut Vec<Finding>) {
    // A generated name is cut to fit by the API server.
    let Some(name) = input.application.metadata.name.as_ref().filter(|name| name.len() > names::MAX_LABEL)
    else {
        return;
    };
    let message = format!(
        "may not be longer than {} bytes, is {}: everything that an Application becomes carries its name as a label value",
        names::MAX_LABEL,
        name.len()
    );
    findings.push(Finding::error(&NAME, name_path(), Fault::TooLong, message));
}

fn name_path() -> FieldPath {
    FieldPath::root().field("metadata").field("name")
}

/// Any kind's name, as the API server would refuse it by itself, but after the
/// mutating webhooks and without the other findings.
#[must_use]
pub fn check_name(object: &Value) -> Option<Finding> {
    let text = |field: &str| object.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty());
    let Some(name) = text("name") else {
        let is_generated = text("generateName").is_some();
        let message = "must be set, or generateName";
        return (!is_generated).then(|| Finding::error(&NAME, name_path(), Fault::Required, message));
    };
    if names::is_dns_subdomain(name) {
        return None;
    }
    let message = "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit (RFC 1123), at most 253 bytes";
    Some(Finding::error(&NAME, name_path(), Fault::Invalid, message).value(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::codes_named;
    use serde_json::json;

    #[test]
    fn names_are_label_values() {
        for (length, expected) in [(32, ""), (63, ""), (64, "E object/name")] {
            assert_eq!(codes_named(&"m".repeat(length), json!({})), expected, "{length}");
        }
    }

    #[test]
    fn names_that_the_api_server_refuses() {
        let table = [
            (json!({"name": "shop"}), false),
            (json!({"name": "shop.v1"}), false),
            (json!({"generateName": "shop-"}), false),
            (json!({"generateName": "m".repeat(70)}), false),
            (json!({"name": ""}), true),
            (json!({}), true),
            (json!({"name": "canaryWithMetric"}), true),
            (json!({"name": "a_b"}), true),
        ];
        for (metadata, refused) in table {
            assert_eq!(check_name(&json!({"metadata": metadata})).is_some(), refused, "{metadata}");
        }
    }
}
