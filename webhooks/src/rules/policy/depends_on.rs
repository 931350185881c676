//! The rule about what must be ready first.
//!
//! A policy names another of its Application by that policy's name, or a Flux
//! object by the object's own. Either way both must be of one kind: a
//! Kustomization waits for Kustomizations only, a Helm release for releases.

mod cycle;
mod elsewhere;
mod unknown;

use std::collections::HashMap;

use fleetgate_api::application::SyncPolicy;
use fleetgate_api::flux::DependencyReference;
use fleetgate_plan::names::child_name;

use self::elsewhere::Comparison;
use self::unknown::Search;
use super::named;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;
use crate::rules::{DENIES_OR_WARNS, Example, Input, Rule};

/// `policy/depends-on`
pub const DEPENDS_ON: Rule = Rule {
    code: "policy/depends-on",
    severities: DENIES_OR_WARNS,
    what: "A policy whose `dependsOn` names itself, or leads back to it by other policies of the Application; an entry without name, or with one that none can have. A warning for a policy of the other kind, for one that goes to none of the same clusters, and for a name that neither a policy of the Application nor an object of another one has.",
    why: "Flux waits for ever: no Kustomization is ready before itself, nor for a HelmRelease.",
    example: Example::new(
        r#"spec.syncPolicies: [{"name": "a", "kustomization": {"interval": "5m", "path": "./a", "prune": true, "dependsOn": [{"name": "b"}]}}, {"name": "b", "kustomization": {"interval": "5m", "path": "./b", "prune": true, "dependsOn": [{"name": "a"}]}}]"#,
        r#"spec.syncPolicies: [{"name": "a", "kustomization": {"interval": "5m", "path": "./a", "prune": true, "dependsOn": [{"name": "b"}]}}, {"name": "b", "kustomization": {"interval": "5m", "path": "./b", "prune": true}}]"#,
    ),
};

/// The two kinds of policy, by field name.
const KINDS: [&str; 2] = ["kustomization", "helm"];

/// So many names of children are composed in search of one that a policy
/// gives itself for a dependency; each costs little, and there may be many.
const MOST_CHILDREN: usize = 100_000;

/// So many names of a circle are said.
const SAID: usize = 5;

fn dependencies<'a>(policy: &'a SyncPolicy, kind: &str) -> Option<&'a [DependencyReference]> {
    let listed = match kind {
        "helm" => policy.helm.as_ref()?.depends_on.as_ref(),
        _ => policy.kustomization.as_ref()?.depends_on.as_ref(),
    };
    Some(listed.map_or(&[], Vec::as_slice))
}

/// One kind's policies: who waits for whom.
struct Graph<'a> {
    input: Input<'a>,
    kind: &'static str,
    /// The policies of this kind by name, in lower case as no two are alike in it.
    known: HashMap<String, usize>,
    /// For each policy, the entries that name another: their place, and that policy.
    edges: Vec<Vec<(usize, usize)>>,
    children_left: usize,
    search: Search,
    comparison: Comparison,
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let policies = &input.application.spec.sync_policies;
    let waits = |policy: &SyncPolicy| {
        KINDS.into_iter().any(|kind| dependencies(policy, kind).is_some_and(|listed| !listed.is_empty()))
    };
    // Most Applications have none.
    if !policies.iter().any(waits) {
        return;
    }
    let [kustomizations, releases] = KINDS.map(|kind| known(input, kind));
    for (kind, known, others) in
        [("kustomization", kustomizations.clone(), &releases), ("helm", releases.clone(), &kustomizations)]
    {
        let edges = vec![Vec::new(); policies.len()];
        let mut graph = Graph {
            input,
            kind,
            known,
            edges,
            children_left: MOST_CHILDREN,
            search: Search::new(),
            comparison: Comparison::new(),
        };
        for (index, policy) in policies.iter().enumerate() {
            for (place, entry) in dependencies(policy, kind).unwrap_or_default().iter().enumerate() {
                findings.extend(graph.read(index, place, entry, others));
            }
        }
        graph.check_circles(findings);
    }
}

fn known(input: Input<'_>, kind: &str) -> HashMap<String, usize> {
    named(input.application)
        .filter(|(_, policy, _)| dependencies(policy, kind).is_some())
        .map(|(index, _, name)| (name.to_lowercase(), index))
        .collect()
}

impl Graph<'_> {
    fn path(&self, index: usize, place: usize) -> FieldPath {
        FieldPath::policy(index).field(self.kind).field("dependsOn").index(place)
    }

    /// Takes one entry in; says what is wrong with it alone.
    fn read(
        &mut self,
        index: usize,
        place: usize,
        entry: &DependencyReference,
        others: &HashMap<String, usize>,
    ) -> Option<Finding> {
        let path = self.path(index, place);
        if entry.name.is_empty() {
            let message = "must be the name of a policy, or of a Flux object";
            return Some(Finding::error(&DEPENDS_ON, path.field("name"), Fault::Required, message));
        }
        let namespace = entry.namespace.as_deref().filter(|namespace| !namespace.is_empty());
        if let Some(namespace) = namespace.filter(|namespace| !names::is_dns_label(namespace)) {
            let message = "is no name that a namespace can have (RFC 1123)";
            let finding = Finding::error(&DEPENDS_ON, path.field("namespace"), Fault::Invalid, message);
            return Some(finding.value(namespace));
        }
        if namespace.is_some_and(|name| self.input.application.metadata.namespace.as_deref() != Some(name)) {
            return None;
        }
        let name = entry.name.to_lowercase();
        let is_policy = self.known.contains_key(&name) || others.contains_key(&name);
        if !is_policy && !names::is_dns_subdomain(&name) {
            let message = "is no name that a policy, or a Flux object, can have (RFC 1123)";
            let finding = Finding::error(&DEPENDS_ON, path.field("name"), Fault::Invalid, message);
            return Some(finding.value(entry.name.as_str()));
        }
        match self.known.get(&name).copied() {
            Some(other) if other == index => Some(itself(path, &entry.name)),
            Some(other) => {
                self.edges.get_mut(index)?.push((place, other));
                self.is_elsewhere(index, other).then(|| elsewhere(path, &entry.name))
            }
            None if others.contains_key(&name) => Some(self.other_kind(path, &entry.name)),
            None if self.is_own_child(index, &name) => Some(itself(path, &entry.name)),
            None => self.unknown(index, path, &entry.name),
        }
    }

    /// Whether the plan leaves the dependency out in every cluster.
    fn is_elsewhere(&mut self, index: usize, other: usize) -> bool {
        let policies = &self.input.plan.policies;
        let (Some(policy), Some(other)) = (policies.get(index), policies.get(other)) else { return false };
        self.comparison.is_elsewhere(&policy.resolution, &other.resolution)
    }

    /// Whether the name is that of an object that this very policy becomes.
    fn is_own_child(&mut self, index: usize, name: &str) -> bool {
        /// A longer name ends in a hash, but begins as it would.
        const KEPT: usize = 50;
        let Some(plan) = self.input.plan.policies.get(index) else { return false };
        let policy = plan.name.to_lowercase();
        let head = policy.get(..KEPT).unwrap_or(&policy);
        let targets = &plan.resolution.targets;
        if !name.starts_with(head) || targets.len() > self.children_left {
            return false;
        }
        self.children_left -= targets.len();
        targets.iter().any(|target| child_name(&policy, target) == name)
    }

    fn other_kind(&self, path: FieldPath, name: &str) -> Finding {
        let (own, other) =
            if self.kind == "helm" { ("HelmRelease", "kustomization") } else { ("Kustomization", "helm") };
        let message = format!("names a policy of kind {other}, but Flux looks for a {own}");
        Finding::warning(&DEPENDS_ON, path, Fault::Invalid, message).value(name)
    }

    fn check_circles(&self, findings: &mut Findings) {
        for circle in cycle::closing_edges(&self.edges) {
            let policies = &self.input.plan.policies;
            let name = |index: &usize| policies.get(*index).map_or("", |policy| policy.name.as_str());
            let mut names: Vec<&str> = circle.members.iter().take(SAID).map(name).collect();
            if circle.members.len() > SAID {
                names.push("…");
            }
            names.extend(circle.members.first().map(name));
            let message = format!("closes a circle, in which each waits for the next: {}", names.join(", "));
            let path = self.path(circle.from, circle.place);
            findings.push(
                Finding::error(&DEPENDS_ON, path, Fault::Invalid, message).hint("take one of them out"),
            );
        }
    }
}

fn elsewhere(path: FieldPath, name: &str) -> Finding {
    let message = "goes to none of this policy's clusters, so that nothing is waited for";
    Finding::warning(&DEPENDS_ON, path, Fault::Invalid, message)
        .value(name)
        .hint("leave it out, or let both go to the same clusters")
}

fn itself(path: FieldPath, name: &str) -> Finding {
    let message = "is this policy itself, which would wait for itself for ever";
    Finding::error(&DEPENDS_ON, path, Fault::Invalid, message).value(name)
}

#[cfg(test)]
mod tests {
    use crate::finding::MOST_KEPT;
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, codes_named, git_source};
    use serde_json::{Value, json};

    const DENIED: &str = "E policy/depends-on";

    /// `a: b c` is a policy `a` that depends on `b` and `c`.
    fn policy(text: &str) -> Value {
        let (name, dependencies) = text.split_once(':').unwrap_or((text, ""));
        let (kind, name) = name.split_once('/').unwrap_or(("kustomization", name));
        let listed: Vec<Value> = dependencies.split_whitespace().map(|name| json!({"name": name})).collect();
        match kind {
            "helm" => {
                json!({"name": name, "helm": {"interval": "5m", "chart": {"spec": {"chart": "c"}}, "dependsOn": listed}})
            }
            _ => {
                json!({"name": name, "kustomization": {"interval": "5m", "path": format!("./{name}"), "prune": true, "dependsOn": listed}})
            }
        }
    }

    fn spec(policies: &[&str]) -> Value {
        let policies: Vec<Value> = policies.iter().map(|text| policy(text)).collect();
        json!({"source": git_source(), "destination": {"fleet": "quickstart"}, "syncPolicies": policies})
    }

    #[test]
    fn nobody_waits_for_themselves() {
        let table: [(&[&str], &str); 14] = [
            (&["a: b", "b: c", "c"], ""),
            (&["a: b c", "b: c", "c"], ""),
            (&["a: infra", "b: shop-7"], ""),
            (&["a: a"], DENIED),
            (&["a: A"], DENIED),
            (&["a: b", "b: a"], DENIED),
            (&["a: b", "b: c", "c: d", "d: b"], DENIED),
            (&["helm/a: b", "helm/b: a"], DENIED),
            (&["helm/a: b", "b"], "W policy/depends-on"),
            (&["a: b", "helm/b: a"], "W policy/depends-on"),
            (&["a: a-attachedcluster-m1"], DENIED),
            (&["a: a-attachedcluster-m3"], ""),
            (&["a: b-attachedcluster-m1", "b"], ""),
            (&[": shop-0"], DENIED),
        ];
        for (policies, expected) in table {
            assert_eq!(codes_named("shop", spec(policies)), expected, "{policies:?}");
        }
    }

    #[test]
    fn names_elsewhere_are_not_policies() {
        for (namespace, expected) in [("", DENIED), ("default", DENIED), ("other", "W ref/cross-namespace")] {
            let mut spec = spec(&["a: a"]);
            spec["syncPolicies"][0]["kustomization"]["dependsOn"][0]["namespace"] = json!(namespace);
            assert_eq!(codes_named("shop", spec), expected, "{namespace}");
        }
        let mut spec = spec(&["a: a"]);
        spec["syncPolicies"][0]["kustomization"]["dependsOn"][0]["name"] = json!("");
        assert_eq!(codes_named("shop", spec), DENIED);
    }

    #[test]
    fn a_circle_is_said_at_the_entry_that_closes_it() {
        let verdict =
            judge(Kind::Application, application("shop", spec(&["a: c b", "b: a", "c"])), None, &catalog());
        let said: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "spec.syncPolicies[1].kustomization.dependsOn[0]: Invalid value: closes a circle, in which each waits for the next: a, b, a; take one of them out [policy/depends-on]"
            ]
        );
    }

    #[test]
    fn many_dependencies_take_time_in_proportion() {
        let chain: Vec<String> =
            (0..5_000).map(|index| format!("p{index}: p{}", (index + 1) % 5_000)).collect();
        let all = (0..5_000).map(|index| format!("p{index}")).collect::<Vec<_>>().join(" ");
        let star: Vec<String> =
            (0..5_000).map(|index| format!("p{index}:{}", if index == 0 { &all } else { "p0" })).collect();
        let own: Vec<String> =
            (0..5_000).map(|index| format!("p{index}: p{index}-attachedcluster-m9")).collect();
        for (policies, circles) in [(chain, 1), (star, MOST_KEPT + 1), (own, 0)] {
            let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
            let verdict = judge(Kind::Application, application("shop", spec(&policies)), None, &catalog());
            assert_eq!(verdict.findings.len(), circles);
        }
    }
}
