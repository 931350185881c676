//! A Fleet as the plan sees it: who belongs to it, and what rollouts find there.

use std::collections::BTreeSet;

use fleetgate_api::Fleet;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};

use super::ObjectKey;
use crate::{Cluster, ClusterKey, ClusterKind, Provider};

/// A Fleet as the plan sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetEntry {
    /// What identifies it.
    pub key: ObjectKey,
    /// The clusters that it lists, in its order, each once.
    pub listed: Vec<ClusterKey>,
    /// Membership by label, beside the listed ones.
    pub selector: Option<Selector>,
    /// Flagger, if the Fleet has it installed.
    pub flagger: Option<FlaggerPlugin>,
    /// What of it cannot be understood, each with its field path. While there
    /// is such a thing nobody knows who belongs to the Fleet, and nothing is
    /// removed anywhere.
    pub faults: Vec<String>,
}

/// What a Fleet says of Flagger in its clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaggerPlugin {
    /// What shifts the traffic, as it is written.
    pub provider: String,
    /// Whether there is a load tester that all rollouts may use.
    pub public_testloader: bool,
}

impl FlaggerPlugin {
    /// The provider, if it is one of those that Fleetgate supports.
    #[must_use]
    pub fn known_provider(&self) -> Option<Provider> {
        Provider::of(&self.provider)
    }
}

impl FleetEntry {
    /// Whether `cluster` belongs to the Fleet.
    #[must_use]
    pub fn has(&self, cluster: &Cluster) -> bool {
        self.key.namespace == cluster.key.namespace
            && (self.listed.contains(&cluster.key)
                || self.selector.as_ref().is_some_and(|selector| selector.matches(&cluster.labels)))
    }
}

impl From<&Fleet> for FleetEntry {
    fn from(object: &Fleet) -> Self {
        let namespace = object.namespace().unwrap_or_default();
        let mut faults = Vec::new();
        let mut listed = Vec::new();
        let mut seen = BTreeSet::new();
        for (index, reference) in object.spec.clusters.iter().flatten().enumerate() {
            let name = reference.name.as_ref().filter(|name| !name.is_empty());
            let (Some(kind), Some(name)) = (ClusterKind::of(reference), name) else {
                let kind = reference.kind.as_deref().unwrap_or_default();
                faults.push(format!("spec.clusters[{index}]: kind {kind:?} or a missing name"));
                continue;
            };
            let key = ClusterKey { namespace: namespace.clone(), kind, name: name.clone() };
            if seen.insert(key.clone()) {
                listed.push(key);
            }
        }
        let selector = object.spec.cluster_selector.clone().map(Selector::try_from);
        if let Some(Err(error)) = &selector {
            faults.push(format!("spec.clusterSelector: {error}"));
        }
        let plugin = object.spec.plugin.as_ref();
        let flagger = plugin.and_then(|plugin| plugin.flagger.as_ref());
        Self {
            key: ObjectKey::new(namespace, object.name_any()),
            listed,
            selector: selector.and_then(Result::ok),
            flagger: flagger.map(|flagger| FlaggerPlugin {
                provider: flagger.traffic_routing_provider.clone(),
                public_testloader: flagger.public_testloader == Some(true),
            }),
            faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{cluster, fleet};
    use serde_json::{Value, json};

    fn entry(spec: Value) -> FleetEntry {
        let mut object = fleet("f", &[]);
        object.spec = serde_json::from_value(spec).expect("a spec");
        FleetEntry::from(&object)
    }

    #[test]
    fn a_reference_that_names_no_cluster_is_a_fault() {
        for reference in
            [json!({"kind": "Clutser", "name": "a"}), json!({"kind": "Cluster"}), json!({"name": ""})]
        {
            let entry =
                entry(json!({"clusters": [reference, {"name": "a"}, {"kind": "Cluster", "name": "a"}]}));
            assert_eq!((entry.faults.len(), entry.listed.len()), (1, 1), "{reference}");
        }
    }

    #[test]
    fn clusters_belong_to_it_by_name_or_by_label() {
        let listed = json!([{"kind": "AttachedCluster", "name": "m1"}]);
        let entry = entry(json!({"clusters": listed, "clusterSelector": {"matchLabels": {"env": "test"}}}));
        assert!(entry.has(&cluster("m1", &[])) && entry.has(&cluster("m2", &[("env", "test")])));
        assert!(!entry.has(&cluster("m2", &[("env", "dev")])));
    }

    #[test]
    fn what_it_says_of_flagger() {
        let with = |plugin: Value| entry(json!({"plugin": plugin})).flagger;
        assert_eq!(with(json!(null)), None);
        let nginx = with(json!({"flagger": {"trafficRoutingProvider": "nginx", "publicTestloader": true}}));
        let nginx = nginx.expect("Flagger");
        assert_eq!((nginx.known_provider(), nginx.public_testloader), (Some(Provider::Nginx), true));
        let other = with(json!({"flagger": {"trafficRoutingProvider": "Nginx"}})).expect("Flagger");
        assert_eq!((other.known_provider(), other.public_testloader), (None, false));
    }
}
