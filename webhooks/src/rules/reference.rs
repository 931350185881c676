//! Rules about references to other objects. They warn, since GitOps tools
//! apply objects in any order.

pub mod cluster;
pub mod cross_namespace;
pub mod name;
pub mod plugin;
pub mod secret;

use std::collections::BTreeSet;

use fleetgate_plan::destination::fleet_of;
use kube::ResourceExt;

use super::destination::destinations;
use super::{Example, Input, Rule, WARNS};
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// What the codes of this file start with.
pub const PREFIX: &str = "ref/";

/// `ref/fleet`
pub const FLEET: Rule = Rule {
    code: "ref/fleet",
    severities: WARNS,
    what: "The Fleet does not exist in the Application's namespace; the nearest name is given, or all where there are at most five.",
    why: "Nothing is delivered until it exists.",
    example: Example::new(
        r#"spec.destination.fleet: "quikstart""#,
        r#"spec.destination.fleet: "quickstart""#,
    ),
};

/// For at most this many names the nearest one is looked for among all Fleets:
/// an Application has one fleet, and a search costs.
const SUGGESTIONS: usize = 10;

/// Whether the finding is of an object that is missing, and may be on its way.
#[must_use]
pub fn is_missing(finding: &Finding) -> bool {
    finding.code.starts_with(PREFIX) && finding.fault == Fault::NotFound
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let namespace = input.application.namespace().unwrap_or_default();
    let mut said = BTreeSet::new();
    for (path, destination) in destinations(input) {
        let Some(fleet) = fleet_of(destination).filter(|fleet| names::is_dns_subdomain(fleet)) else {
            continue;
        };
        if input.catalog.fleet(&namespace, fleet).is_some() || !said.insert(fleet) {
            continue;
        }
        let message = format!(
            "there is no such Fleet in namespace {namespace:?}: nothing is delivered until it exists"
        );
        let hint = (said.len() <= SUGGESTIONS)
            .then(|| names::suggest(fleet, input.catalog.fleet_names(&namespace)))
            .flatten()
            .unwrap_or_else(|| "`kubectl get fleets` lists those that exist".to_owned());
        findings.push(
            Finding::warning(&FLEET, path.field("fleet"), Fault::NotFound, message).value(fleet).hint(hint),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{findings, git_source, kustomization};
    use serde_json::json;

    #[test]
    fn a_wrong_fleet_is_named_once_with_the_ones_that_exist() {
        let policy = json!({"destination": {"fleet": "fleet-gitrepo"}, "kustomization": kustomization()});
        let findings = findings(json!({"source": git_source(), "syncPolicies": [policy, policy]}));
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.syncPolicies[0].destination.fleet: Not found: \"fleet-gitrepo\": there is no such Fleet in namespace \"default\": \
              nothing is delivered until it exists; there is only \"quickstart\" [ref/fleet]"
            ]
        );
        assert!(texts[0].chars().count() < 256);
    }
}
