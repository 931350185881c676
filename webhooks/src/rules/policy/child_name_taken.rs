//! The rule about objects that another Application owns already.

use fleetgate_plan::{FluxKind, Plan};

use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::rules::{Example, Rule, WARNS};

/// `policy/child-name-taken`
pub const CHILD_NAME_TAKEN: Rule = Rule {
    code: "policy/child-name-taken",
    severities: WARNS,
    what: "A policy, or the source, becomes an object whose name another Application has taken already.",
    why: "Two owners would fight for it for ever: the controllers leave it to the first, and wait.",
    example: Example::new(r#"spec.syncPolicies[0].name: "taken""#, r#"spec.syncPolicies[0].name: "free""#),
};

/// What can be said of a plan's names; `owner` is the Application of the same
/// namespace that the object of that kind and name belongs to, if there is one.
///
/// Of each policy the first name that is taken is said.
pub fn check_owners<'a>(
    plan: &Plan,
    owner: impl Fn(FluxKind, &str) -> Option<&'a str>,
    findings: &mut Vec<Finding>,
) {
    let policies = plan.policies.iter().enumerate();
    let places = policies.flat_map(|(index, policy)| {
        policy.template.iter().map(move |template| (FieldPath::policy(index).field("name"), template))
    });
    let source = plan.source.iter().map(|source| (FieldPath::root().field("metadata").field("name"), source));
    for (path, template) in source.chain(places) {
        let taken = template.bindings().find_map(|binding| {
            let owner = owner(template.kind, &binding.name).filter(|owner| *owner != plan.owner.name)?;
            Some((binding.name, owner))
        });
        if let Some((name, owner)) = taken {
            let message = format!("belongs to the Application {owner:?} already");
            let finding = Finding::warning(&CHILD_NAME_TAKEN, path, Fault::Duplicate, message);
            findings.push(finding.value(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{application, catalog, git_source, kustomization};
    use serde_json::json;

    fn said(others: &[(FluxKind, &str, &'static str)]) -> Vec<String> {
        let spec = json!({
            "source": git_source(), "destination": {"fleet": "quickstart"},
            "syncPolicies": [{"name": "web", "kustomization": kustomization()}, {"kustomization": kustomization()}],
        });
        let application = serde_json::from_value(application("shop", spec)).expect("an Application");
        let plan = Plan::of(&application, &catalog());
        let mut findings = Vec::new();
        let owner = |kind, name: &str| {
            others.iter().find(|(of, known, _)| (*of, *known) == (kind, name)).map(|(_, _, owner)| *owner)
        };
        check_owners(&plan, owner, &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_of_others() {
        assert_eq!(said(&[]), Vec::<String>::new());
        let own = [
            (FluxKind::Kustomization, "web-attachedcluster-m1", "shop"),
            (FluxKind::GitRepository, "web-attachedcluster-m1", "other"),
        ];
        assert_eq!(said(&own), Vec::<String>::new());
        assert_eq!(
            said(&[
                (FluxKind::GitRepository, "shop", "first"),
                (FluxKind::Kustomization, "web-attachedcluster-m1", "other"),
                (FluxKind::Kustomization, "web-attachedcluster-m2", "other"),
            ]),
            [
                "metadata.name: Duplicate value: \"shop\": belongs to the Application \"first\" already [policy/child-name-taken]",
                "spec.syncPolicies[0].name: Duplicate value: \"web-attachedcluster-m1\": belongs to the Application \"other\" already [policy/child-name-taken]",
            ]
        );
    }
}
