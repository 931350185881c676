//! Whether a Fleet may be deleted.

use std::collections::BTreeSet;

use fleetgate_plan::{Catalog, usage};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;
use crate::rules::{DENIES, Example, Rule};

/// `fleet/in-use`
pub const IN_USE: Rule = Rule {
    code: "fleet/in-use",
    severities: DENIES,
    what: "A Fleet that Applications deliver to is deleted; they are listed. Applications on their way out do not count.",
    why: "What they delivered would stay in its clusters, and nobody would look after it.",
    example: Example::new(r#"metadata.name: "quickstart""#, r#"metadata.name: "unused""#),
};

/// What keeps the Fleet of that name from being deleted.
#[must_use]
pub fn check(namespace: &str, name: &str, catalog: &Catalog) -> Option<Finding> {
    let users: BTreeSet<&str> =
        usage::of_fleet(namespace, name, catalog).map(|entry| entry.key.name.as_str()).collect();
    let verb = if users.len() == 1 { "delivers" } else { "deliver" };
    (!users.is_empty()).then(|| {
        let message = format!("{} {verb} to it", names::of_kind("Application", &users));
        Finding::error(&IN_USE, FieldPath::root(), Fault::Forbidden, message)
            .hint("delete them first, or give them another destination")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::catalog_with;
    use serde_json::json;

    #[test]
    fn who_uses_it_is_listed_up_to_five() {
        let to = |fleet: &str| json!({"destination": {"fleet": fleet}, "syncPolicies": [{}]});
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let apps: Vec<_> = names.into_iter().map(|name| (name, to("busy"))).collect();
        let catalog = catalog_with(&[&apps[..], &[("h", to("quiet"))]].concat());
        let text = |fleet: &str| check("default", fleet, &catalog).map(|finding| finding.message);
        assert_eq!(text("quiet").as_deref(), Some("Application \"h\" delivers to it"));
        assert_eq!(
            text("busy").as_deref(),
            Some("Applications \"a\", \"b\", \"c\", \"d\", \"e\" and 2 more deliver to it")
        );
        assert_eq!(text("quickstart"), None);
        assert_eq!(check("other", "busy", &catalog), None);
    }
}
