//! Rules about where policies go.

use fleetgate_api::Destination;
use fleetgate_plan::destination::{Placement, fleet_of, placement};

use super::{DENIES, DENIES_OR_WARNS, Example, Input, Rule, WARNS};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// `destination/mixed`
pub const MIXED: Rule = Rule {
    code: "destination/mixed",
    severities: DENIES,
    what: "Some policies have a destination, some have none, and there is no `spec.destination`.",
    why: "Those without would land on the host cluster unasked.",
    example: Example::new(
        r#"
            spec.syncPolicies[0].destination.fleet: "quickstart"
            spec.syncPolicies[1].kustomization: {"interval": "5m", "path": "./api", "prune": true}
        "#,
        r#"
            spec.destination.fleet: "quickstart"
            spec.syncPolicies[1].kustomization: {"interval": "5m", "path": "./api", "prune": true}
        "#,
    ),
};

/// `destination/several-fleets`
pub const SEVERAL_FLEETS: Rule = Rule {
    code: "destination/several-fleets",
    severities: DENIES,
    what: "Policies, or a policy and `spec.destination`, name different fleets.",
    why: "An Application belongs to one fleet, as in Kurator.",
    example: Example::new(
        r#"
            spec.destination.fleet: "quickstart"
            spec.syncPolicies[0].destination.fleet: "production"
        "#,
        r#"
            spec.destination.fleet: "quickstart"
            spec.syncPolicies[0].destination.fleet: "quickstart"
        "#,
    ),
};

/// `destination/fleet-missing`
pub const FLEET_MISSING: Rule = Rule {
    code: "destination/fleet-missing",
    severities: DENIES_OR_WARNS,
    what: "A destination names no fleet, and there is none in `spec.destination` to inherit. A warning where there is one.",
    why: "Its selector would be ignored, and everything deployed to the host.",
    example: Example::new(
        r#"spec.syncPolicies[0].destination.clusterSelector.matchLabels.env: "test""#,
        r#"
            spec.syncPolicies[0].destination.fleet: "quickstart"
            spec.syncPolicies[0].destination.clusterSelector.matchLabels.env: "test"
        "#,
    ),
};

/// `destination/fleet-name`
pub const FLEET_NAME: Rule = Rule {
    code: "destination/fleet-name",
    severities: DENIES,
    what: "A fleet's name that no object can have.",
    why: "A Fleet is looked up by that name in the Application's namespace, and nowhere else.",
    example: Example::new(
        r#"spec.destination.fleet: "other-namespace/quickstart""#,
        r#"spec.destination.fleet: "quickstart""#,
    ),
};

/// `destination/selector-widened`
pub const SELECTOR_WIDENED: Rule = Rule {
    code: "destination/selector-widened",
    severities: WARNS,
    what: "A policy's destination has no selector and takes the place of a `spec.destination` that has one.",
    why: "A destination wins as a whole: the policy now goes to the whole fleet.",
    example: Example::new(
        r#"
            spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}
            spec.syncPolicies[0].destination.fleet: "quickstart"
        "#,
        r#"spec.destination: {"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}}"#,
    ),
};

/// `destination/host-forbidden`
pub const HOST_FORBIDDEN: Rule = Rule {
    code: "destination/host-forbidden",
    severities: DENIES,
    what: "A policy without a destination, where the installation is run with `--no-host-destination`.",
    why: "It goes to the host cluster, where the objects and credentials of all tenants are.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization: {"interval": "5m", "path": "./api", "prune": true}"#,
        r#"
            spec.destination.fleet: "quickstart"
            spec.syncPolicies[0].kustomization: {"interval": "5m", "path": "./api", "prune": true}
        "#,
    ),
};

/// Every destination of the spec with its path: the default first, then those of the policies.
pub(super) fn destinations(input: Input<'_>) -> impl Iterator<Item = (FieldPath, &Destination)> {
    let spec = &input.application.spec;
    let default =
        spec.destination.iter().map(|destination| (FieldPath::spec().field("destination"), destination));
    let policies = spec.sync_policies.iter().enumerate().filter_map(|(index, policy)| {
        let destination = policy.destination.as_ref()?;
        Some((FieldPath::policy(index).field("destination"), destination))
    });
    default.chain(policies)
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    check_mixed(input, findings);
    check_fleets(input, findings);
    check_widened(input, findings);
    check_host(input, findings);
}

fn check_host(input: Input<'_>, findings: &mut Findings) {
    if !input.catalog.tenancy().no_host_destination {
        return;
    }
    let spec = &input.application.spec;
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        if placement(spec, policy) == Placement::Host {
            let path = FieldPath::policy(index).field("destination");
            let message = "must be set: without it this policy would go to the host cluster, which this installation does not allow";
            findings.push(
                Finding::error(&HOST_FORBIDDEN, path, Fault::Required, message)
                    .hint("name a Fleet here, or in spec.destination for all"),
            );
        }
    }
}

fn check_mixed(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    if spec.destination.is_some() || spec.sync_policies.iter().all(|policy| policy.destination.is_none()) {
        return;
    }
    for (index, _) in spec.sync_policies.iter().enumerate().filter(|(_, policy)| policy.destination.is_none())
    {
        let path = FieldPath::policy(index).field("destination");
        let message =
            "must be set where other policies have one: without it this policy would go to the host cluster";
        findings.push(
            Finding::error(&MIXED, path, Fault::Required, message).hint("or set spec.destination for all"),
        );
    }
}

fn check_fleets(input: Input<'_>, findings: &mut Findings) {
    let default = input.application.spec.destination.as_ref();
    let mut first: Option<(FieldPath, &str)> = None;
    for (path, destination) in destinations(input) {
        let path = path.field("fleet");
        let Some(fleet) = fleet_of(destination) else {
            findings.push(fleet_missing(path, default.and_then(fleet_of)));
            continue;
        };
        if !names::is_dns_subdomain(fleet) {
            let message = "must be the name of a Fleet in the Application's namespace: lower case letters, digits, '-' and '.'";
            findings.push(Finding::error(&FLEET_NAME, path.clone(), Fault::Invalid, message).value(fleet));
        }
        match &first {
            None => first = Some((path, fleet)),
            Some((first_path, first_fleet)) if *first_fleet != fleet => {
                let message = format!(
                    "must be the fleet of {first_path}, {first_fleet:?}: an Application belongs to one fleet"
                );
                findings.push(
                    Finding::error(&SEVERAL_FLEETS, path, Fault::Invalid, message)
                        .value(fleet)
                        .hint("make an Application for each fleet"),
                );
            }
            Some(_) => {}
        }
    }
}

fn fleet_missing(path: FieldPath, inherited: Option<&str>) -> Finding {
    match inherited {
        None => {
            let is_default = path == FieldPath::spec().field("destination").field("fleet");
            let message = if is_default {
                "must name a Fleet"
            } else {
                "must name a Fleet, here or in spec.destination"
            };
            Finding::error(&FLEET_MISSING, path, Fault::Required, message)
                .hint("to deliver to the host cluster, leave the destination out")
        }
        Some(fleet) => {
            let message = format!("is not set: {fleet:?} is inherited from spec.destination");
            Finding::warning(&FLEET_MISSING, path, Fault::Required, message)
        }
    }
}

fn check_widened(input: Input<'_>, findings: &mut Findings) {
    let spec = &input.application.spec;
    let default_selects =
        spec.destination.as_ref().is_some_and(|destination| destination.cluster_selector.is_some());
    if !default_selects {
        return;
    }
    for (index, policy) in spec.sync_policies.iter().enumerate() {
        if policy.destination.as_ref().is_some_and(|destination| destination.cluster_selector.is_none()) {
            let path = FieldPath::policy(index).field("destination").field("clusterSelector");
            let message = "is not set, and the one of spec.destination does not hold here: this policy goes to the whole fleet";
            findings.push(
                Finding::warning(&SELECTOR_WIDENED, path, Fault::Required, message)
                    .hint("repeat the selector, or leave the policy's destination out"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{apart, application, catalog, codes, codes_of, git_source, kustomization};
    use fleetgate_plan::Tenancy;
    use serde_json::{Value, json};

    fn spec(default: Value, destinations: &[Value]) -> Value {
        let policies: Vec<Value> = destinations
            .iter()
            .map(|destination| json!({"destination": destination, "kustomization": kustomization()}))
            .collect();
        json!({"source": git_source(), "destination": default, "syncPolicies": apart(json!(policies))})
    }

    #[test]
    fn destinations() {
        let a = json!({"fleet": "quickstart"});
        let b = json!({"fleet": "other"});
        let selected = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": "test"}}});
        let only_selector = json!({"clusterSelector": {"matchLabels": {"env": "test"}}});
        let none = json!(null);
        let table = [
            (none.clone(), vec![none.clone(), none.clone()], ""),
            (none.clone(), vec![a.clone(), a.clone()], ""),
            (none.clone(), vec![a.clone(), none.clone()], "E destination/mixed"),
            (a.clone(), vec![a.clone(), none.clone()], ""),
            (none.clone(), vec![a.clone(), b.clone()], "E destination/several-fleets, W ref/fleet"),
            (a.clone(), vec![b], "E destination/several-fleets, W ref/fleet"),
            (none.clone(), vec![json!({})], "E destination/fleet-missing"),
            (none.clone(), vec![json!({"fleet": ""})], "E destination/fleet-missing"),
            (none.clone(), vec![only_selector.clone()], "E destination/fleet-missing"),
            (a, vec![only_selector], "W destination/fleet-missing"),
            (selected.clone(), vec![json!({"fleet": "quickstart"})], "W destination/selector-widened"),
            (selected, vec![none.clone()], ""),
            (none, vec![json!({"fleet": "other-ns/quickstart"})], "E destination/fleet-name"),
        ];
        for (default, policies, expected) in table {
            assert_eq!(codes(spec(default.clone(), &policies)), expected, "{default} {policies:?}");
        }
    }

    #[test]
    fn a_host_that_is_not_for_tenants() {
        let tenancy = Tenancy { no_host_destination: true, ..Tenancy::default() };
        let closed = catalog().with_tenancy(tenancy);
        let (fleet, none) = (json!({"fleet": "quickstart"}), json!(null));
        let forbidden = "E destination/host-forbidden";
        let mixed = format!("{forbidden}, E destination/mixed");
        let table = [
            (none.clone(), vec![none.clone()], forbidden),
            (none.clone(), vec![none.clone(), none.clone()], forbidden),
            (none.clone(), vec![fleet.clone(), none.clone()], &mixed),
            (fleet.clone(), vec![none.clone()], ""),
            (none, vec![fleet], ""),
        ];
        for (default, policies, expected) in table {
            let spec = spec(default.clone(), &policies);
            let said = judge(Kind::Application, application("shop", spec), None, &closed).findings;
            assert_eq!(codes_of(&said), expected, "{default} {policies:?}");
        }
    }

    #[test]
    fn what_went_to_the_host_before_can_still_be_changed_and_nothing_joins_it() {
        let tenancy = Tenancy { no_host_destination: true, ..Tenancy::default() };
        let closed = catalog().with_tenancy(tenancy);
        let of = |policies: &[Value]| application("shop", spec(json!(null), policies));
        let stored = of(&[json!(null)]);
        let mut changed = stored.clone();
        changed["spec"]["syncPolicies"][0]["kustomization"]["interval"] = json!("6m");
        assert!(judge(Kind::Application, changed, Some(&stored), &closed).is_admitted());
        let joined = of(&[json!(null), json!(null)]);
        assert!(!judge(Kind::Application, joined, Some(&stored), &closed).is_admitted());
    }
}
