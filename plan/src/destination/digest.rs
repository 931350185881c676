//! What tells one destination from another, as a short text.

use super::{Placement, Selection};
use crate::names;

/// Hexadecimal digits of a destination's digest.
const DIGITS: usize = 16;

impl Placement<'_> {
    /// What tells this destination from every other. It is the same for as long
    /// as nobody edits what the destination means, whichever clusters that is.
    #[must_use]
    pub fn digest(self) -> String {
        let text = match self {
            Self::FleetMissing => "nowhere".to_owned(),
            Self::Host => "host".to_owned(),
            Self::Fleet { fleet, selector, .. } => format!("fleet {fleet}\n{}", Selection::of(selector)),
        };
        names::digest(text.as_bytes(), DIGITS)
    }
}

#[cfg(test)]
mod tests {
    use crate::destination::placement;
    use crate::test_fixtures::application;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn digest(default: Value, own: Value) -> String {
        let application =
            application(json!({"destination": default, "syncPolicies": [{"destination": own}]}));
        placement(&application.spec, &application.spec.sync_policies[0]).digest()
    }

    #[test]
    fn what_means_the_same_has_one_digest_however_it_is_written() {
        let none = || json!(null);
        let expressions = json!([{"key": "env", "operator": "In", "values": ["test", "dev"]}]);
        let turned = json!([{"key": "env", "operator": "In", "values": ["dev", "test"]}]);
        let by = |selector: Value| json!({"fleet": "f", "clusterSelector": selector});
        let groups = [
            vec![digest(none(), none())],
            vec![digest(json!({"fleet": "f"}), none()), digest(none(), json!({"fleet": "f"}))],
            vec![digest(none(), json!({"fleet": "g"}))],
            vec![digest(none(), by(json!({"matchLabels": {"env": "test"}})))],
            vec![
                digest(none(), by(json!({"matchExpressions": expressions}))),
                digest(json!({"fleet": "f"}), json!({"clusterSelector": {"matchExpressions": turned}})),
            ],
            vec![digest(none(), json!({}))],
        ];
        let distinct: BTreeSet<&String> = groups.iter().flatten().collect();
        assert_eq!(distinct.len(), groups.len(), "{groups:?}");
        for group in &groups {
            assert!(group.iter().all(|digest| digest.len() == super::DIGITS && *digest == group[0]));
        }
    }
}
