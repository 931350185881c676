//! Why an object cannot be read, as the log may tell it.

use kube::core::error_boundary::InvalidObject;

/// What stands in place of a value.
const VALUE: &str = "…";

/// How serde-value begins to tell of what it did not expect without quotation marks, and goes on with what it did.
const UNEXPECTED: [&str; 2] = ["Unknown variant ", "Unknown field "];
const EXPECTED: &str = ". Expected";

/// What was expected, without what was found: that is of the object, which is never logged, and as long as it likes.
pub(crate) fn why(error: &InvalidObject) -> String {
    let text = error.error.as_str();
    if let Some(kind) = UNEXPECTED.into_iter().find(|kind| text.starts_with(kind)) {
        let expected = text.rsplit_once(EXPECTED).map_or("", |(_, expected)| expected);
        return format!("{kind}{VALUE}{EXPECTED}{expected}");
    }
    match (text.split_once('"'), text.rsplit_once('"')) {
        (Some((before, _)), Some((_, after))) => format!("{before}{VALUE}{after}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::Fleet;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use kube::core::DeserializeGuard;
    use serde_json::{Value, json};

    fn told(spec: Value) -> String {
        let object = json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet", "metadata": {"name": "a"}, "spec": spec,
        });
        let guarded: DeserializeGuard<Fleet> = serde_json::from_value(object).expect("a name is enough");
        why(&guarded.0.expect_err("it cannot be read"))
    }

    #[test]
    fn values_are_not_told() {
        let table = [
            (json!({"clusters": "to\"ken. Expected"}), "Invalid type string …. Expected a sequence"),
            (json!({"clusters": 5}), "Invalid type integer `5`. Expected a sequence"),
        ];
        for (spec, expected) in table {
            assert_eq!(told(spec.clone()), expected, "{spec}");
        }
        let told =
            |error: &str| why(&InvalidObject { error: error.to_owned(), metadata: ObjectMeta::default() });
        assert_eq!(told("Missing field name"), "Missing field name");
        let variant = "Unknown variant to. Expected ken. Expected one of b, c";
        assert_eq!(told(variant), "Unknown variant …. Expected one of b, c");
    }
}
