//! The rule about objects that another Application makes already.

use fleetgate_plan::usage::shared_children;

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `policy/child-name-taken`
pub const CHILD_NAME_TAKEN: Rule = Rule {
    code: "policy/child-name-taken",
    severities: WARNS,
    what: "A policy becomes an object whose name an object of another Application in the namespace has already.",
    why: "Two owners would fight for it for ever: the controllers leave it to the first, and wait.",
    example: Example::new(r#"spec.syncPolicies[0].name: "taken""#, r#"spec.syncPolicies[0].name: "free""#),
};

/// Of each policy the first name that is taken is said. A source is called as
/// its Application is, so that nobody else has that name.
pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for child in shared_children(input.plan, input.catalog) {
        let path = FieldPath::policy(child.policy).field("name");
        let message = format!("belongs to the Application {:?} already", child.owner);
        let finding = Finding::warning(&CHILD_NAME_TAKEN, path, Fault::Duplicate, message);
        findings.push(finding.value(child.name).hint("give the policy another name"));
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{apart, application, catalog, catalog_with, git_source, kustomization, said};
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    fn spec(destination: &Value, names: &[&str]) -> Value {
        let policies: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "kustomization": kustomization()})).collect();
        json!({"source": git_source(), "destination": destination, "syncPolicies": apart(json!(policies))})
    }

    #[test]
    fn names_of_others() {
        let (fleet, host) = (json!({"fleet": "quickstart"}), json!(null));
        let dev = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "dev"}}});
        let helm = json!({"destination": fleet, "syncPolicies": [
            {"name": "web", "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}}},
        ]});
        let of = |others: &[(&str, Value)]| {
            said(&application("shop", spec(&fleet, &["api", "web"])), None, &catalog_with(others))
        };
        let none: [&str; 0] = [];
        let taken = |cluster: &str| {
            [format!(
                "spec.syncPolicies[1].name: Duplicate value: \"web-attachedcluster-{cluster}\": belongs to the Application \"other\" already; give the policy another name [policy/child-name-taken]"
            )]
        };
        assert_eq!(of(&[]), none);
        assert_eq!(of(&[("shop", spec(&fleet, &["web"]))]), none, "it is its own");
        assert_eq!(of(&[("other", spec(&host, &["web"]))]), none, "on another cluster");
        assert_eq!(of(&[("other", helm)]), none, "of another kind");
        assert_eq!(of(&[("other", spec(&fleet, &["web"]))]), taken("m1"));
        assert_eq!(of(&[("other", spec(&dev, &["Web"]))]), taken("m2"));
    }

    #[test]
    fn many_policies_take_time_in_proportion() {
        let names: Vec<String> = (0..5_000).map(|index| format!("p{index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let fleet = json!({"fleet": "quickstart"});
        let others: Vec<(String, Value)> =
            (0..5).map(|index| (format!("other-{index}"), spec(&fleet, &names))).collect();
        let others: Vec<(&str, Value)> =
            others.iter().map(|(name, spec)| (name.as_str(), spec.clone())).collect();
        let said_beside =
            |catalog: &Catalog| said(&application("shop", spec(&fleet, &names)), None, catalog).len();
        assert_eq!(said_beside(&catalog()), 0);
        // Those of the first policies are enough.
        assert_eq!(said_beside(&catalog_with(&others)), 20);
    }
}
