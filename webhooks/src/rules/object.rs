//! Rules about the object as a whole: its shape and its name.

mod depth;
mod excess;

use serde_json::Value;

pub use self::excess::{MAX_POLICIES, MAX_VALUES, excess, too_many_values};
use super::policy::{check_annotations, check_label};
use super::{DENIES, DENIES_OR_WARNS, Example, Input, Rule, WARNS};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// `object/unreadable`
pub const UNREADABLE: Rule = Rule {
    code: "object/unreadable",
    severities: DENIES,
    what: "The object does not have the schema of its kind; the path and the expected type are given. Or it has more than 5,000 policies, a spec of more than 35,500 values or 64 levels, or more than a thousand faults, of which the first are listed.",
    why: "The API server would refuse the one, with its first complaint only; the others are more than anyone writes, and take memory that all reviews share, or could not be listed any more.",
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

/// `object/metadata`
pub const METADATA: Rule = Rule {
    code: "object/metadata",
    severities: DENIES,
    what: "A label or an annotation, a namespace or a `generateName` that no object can have; annotations of more than 256 KiB.",
    why: "The API server refuses it, with its first complaint only.",
    example: Example::new(
        r#"metadata.labels: {"team": "payments & co"}"#,
        r#"metadata.labels: {"team": "payments"}"#,
    ),
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

/// `object/duplicate`, in `check` alone: to admission the second one is an update.
pub const DUPLICATE: Rule = Rule {
    code: "object/duplicate",
    severities: WARNS,
    what: "An object of the same kind, namespace and name as another one among the files; where that stands is given. `check` alone says so.",
    why: "kubectl applies both: the last one wins, and what only the other one has is pruned. kustomize refuses to build them together, and Flux, which builds with it, delivers nothing.",
    example: Example::beside(
        r#"metadata.name: "shop""#,
        r#"metadata.name: "shop""#,
        r#"metadata.name: "shop-preview""#,
    ),
};

/// What is said of an object whose name stands at `first` already.
#[must_use]
pub fn duplicate(name: Value, first: &str) -> Finding {
    let message =
        format!("stands at {first} already: kubectl applies both, and the last one takes the other's place");
    Finding::warning(&DUPLICATE, name_path(), Fault::Duplicate, message)
        .value(name)
        .hint("keep one of them, or rename one; check what is for different clusters in runs of their own")
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
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

/// Where an object's name is.
#[must_use]
pub fn name_path() -> FieldPath {
    FieldPath::root().field("metadata").field("name")
}

/// Any kind's metadata, as the API server would refuse it by itself, but after
/// the mutating webhooks and without the other findings.
pub fn check_metadata(object: &Value, findings: &mut Findings) {
    findings.extend(check_name(object));
    let path = FieldPath::root().field("metadata");
    let map = |field: &str| {
        let entries = object.get("metadata").and_then(|metadata| metadata.get(field)?.as_object());
        entries.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    };
    for (key, value) in map("labels") {
        check_label(&METADATA, key, value, &path.field("labels"), findings);
    }
    check_annotations(&METADATA, map("annotations"), &path.field("annotations"), findings);
    let mut refuse = |field: &'static str, value: &str, message: &str| {
        findings.push(Finding::error(&METADATA, path.field(field), Fault::Invalid, message).value(value));
    };
    if let Some(namespace) = text(object, "namespace").filter(|name| !names::is_dns_label(name)) {
        refuse("namespace", namespace, "is no name that a namespace can have (RFC 1123)");
    }
    // What is generated is appended, so that the prefix may end with a dash.
    let is_prefix = |prefix: &&str| names::is_dns_subdomain(&format!("{}a", prefix.trim_end_matches('-')));
    if let Some(prefix) = text(object, "generateName").filter(|prefix| !is_prefix(prefix)) {
        refuse("generateName", prefix, "is no beginning of a name that an object can have (RFC 1123)");
    }
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get("metadata")?.get(field)?.as_str().filter(|text| !text.is_empty())
}

fn check_name(object: &Value) -> Option<Finding> {
    let Some(name) = text(object, "name") else {
        let is_generated = text(object, "generateName").is_some();
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
    fn metadata_that_the_api_server_refuses() {
        let long = "x".repeat(256 * 1024);
        let table = [
            (
                json!({"namespace": "default", "labels": {"example.com/a": "b"}, "annotations": {"A/b": "any thing"}}),
                "",
            ),
            (json!({"generateName": "shop-"}), ""),
            (json!({"generateName": "shop.v1--"}), ""),
            (json!({"labels": {"a": "b c"}}), "metadata.labels.a"),
            (json!({"labels": {"a b": "c"}}), "metadata.labels[a b]"),
            (json!({"annotations": {"a b": "c"}}), "metadata.annotations[a b]"),
            (json!({"annotations": {"a": long}}), "metadata.annotations"),
            (json!({"namespace": "Default"}), "metadata.namespace"),
            (json!({"namespace": "a.b"}), "metadata.namespace"),
            (json!({"generateName": "Shop_"}), "metadata.generateName"),
        ];
        for (mut metadata, expected) in table {
            metadata["name"] = json!("shop");
            let mut said = Findings::default();
            check_metadata(&json!({"metadata": metadata}), &mut said);
            let paths: Vec<String> = said.iter().map(|finding| finding.path.to_string()).collect();
            assert_eq!(paths.join(", "), expected);
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
