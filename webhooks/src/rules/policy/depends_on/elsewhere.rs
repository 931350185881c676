//! A dependency on a policy that is nowhere beside the one that waits for it.

use std::collections::HashSet;
use std::sync::Arc;

use fleetgate_plan::destination::Resolution;
use fleetgate_plan::{ClusterKey, Target};

/// So many clusters are compared for one Application: one may have very many
/// policies, each with a destination of its own.
const MOST_CLUSTERS: usize = 1_000_000;

/// What is left of the comparisons of one Application.
pub(super) struct Comparison {
    left: usize,
}

impl Comparison {
    pub(super) fn new() -> Self {
        Self { left: MOST_CLUSTERS }
    }

    /// Whether both go to clusters, and to none in common. Most policies of an
    /// Application go where the others do. Where a destination is not
    /// understood, another rule says so.
    pub(super) fn is_elsewhere(&mut self, one: &Arc<Resolution>, other: &Arc<Resolution>) -> bool {
        if Arc::ptr_eq(one, other) || !one.is_decided() || !other.is_decided() {
            return false;
        }
        let cost = one.targets.len().saturating_add(other.targets.len());
        if cost > self.left {
            return false;
        }
        self.left -= cost;
        let known: HashSet<Option<&ClusterKey>> = other.targets.iter().map(cluster_of).collect();
        !one.targets.iter().any(|target| known.contains(&cluster_of(target)))
    }
}

/// A target's cluster, or `None` for the host.
fn cluster_of(target: &Target) -> Option<&ClusterKey> {
    match target {
        Target::Host => None,
        Target::Member(cluster) => Some(&cluster.key),
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{apart, codes, findings, git_source, kustomization};
    use serde_json::{Value, json};

    /// `db` and `web`, which waits for it.
    fn spec(db: &Value, web: &Value) -> Value {
        let mut policies = apart(json!([
            {"name": "db", "kustomization": kustomization(), "destination": db},
            {"name": "web", "kustomization": kustomization(), "destination": web},
        ]));
        policies[1]["kustomization"]["dependsOn"] = json!([{"name": "db"}]);
        json!({"source": git_source(), "syncPolicies": policies})
    }

    #[test]
    fn what_is_nowhere_beside_it_is_not_waited_for() {
        let on = |env: &str| json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}});
        let everywhere = json!({"fleet": "quickstart"});
        let host = json!(null);
        let warned = "W policy/depends-on";
        let table = [
            (everywhere.clone(), everywhere.clone(), ""),
            (on("test"), everywhere.clone(), ""),
            (everywhere.clone(), on("test"), ""),
            (on("test"), on("test"), ""),
            (on("test"), on("dev"), warned),
            (host.clone(), host.clone(), ""),
            (host.clone(), everywhere.clone(), warned),
            (everywhere, host, warned),
            // Others say what these are.
            (on("none"), on("dev"), "W selector/no-match"),
            (json!({"fleet": "gone"}), on("dev"), "W ref/fleet"),
        ];
        for (db, web, expected) in table {
            let said = codes(spec(&db, &web));
            let said = said.split(", ").filter(|code| !code.contains(" destination/"));
            assert_eq!(said.collect::<Vec<_>>().join(", "), expected, "{db} {web}");
        }
        let said: Vec<String> =
            findings(spec(&on("test"), &on("dev"))).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "spec.syncPolicies[1].kustomization.dependsOn[0]: \"db\": goes to none of this policy's clusters, so that nothing is waited for; leave it out, or let both go to the same clusters [policy/depends-on]"
            ]
        );
    }

    #[test]
    fn very_many_destinations_take_time_in_proportion() {
        let all = (0..1_000).map(|index| json!({"name": format!("p{index}")})).collect::<Vec<_>>();
        let policies: Vec<Value> = (0..1_000)
            .map(|index| {
                let mut folder = kustomization();
                folder["path"] = json!(format!("./{index}"));
                folder["dependsOn"] = if index == 0 { json!(all) } else { json!([{"name": "p0"}]) };
                let env = if index == 0 { "test".to_owned() } else { format!("no-{index}") };
                let differs = json!([{"key": "env", "operator": "NotIn", "values": [env]}]);
                let destination =
                    json!({"fleet": "quickstart", "clusterSelector": {"matchExpressions": differs}});
                json!({"name": format!("p{index}"), "kustomization": folder, "destination": destination})
            })
            .collect();
        let said = findings(json!({"source": git_source(), "syncPolicies": policies}));
        assert_eq!(said.iter().filter(|finding| finding.code == "policy/depends-on").count(), 1_000);
    }
}
