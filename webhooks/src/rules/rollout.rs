//! Rules about `rollout`: the workload, its Service, the strategy, the analysis,
//! and what a change of them does.
//!
//! The fields are Kurator's; what is judged is the Canary that they become, by
//! the schema of Flagger's CRD and by what Flagger's code does with it
//! (`pkg/controller/scheduler.go`, `pkg/apis/flagger/v1beta1/canary.go`).

mod analysis;
mod commands;
mod made;
mod required;
mod revert;
mod rivals;
mod service;
mod session_affinity;
mod sharing;
mod skip_analysis;
mod strategy;
#[cfg(test)]
mod test_fixtures;
mod timeout;
mod weights;
mod weights_changed;
mod workload;

use fleetgate_api::Application;
use fleetgate_api::rollout::{CanaryStrategy, Rollout, TrafficAnalysis, TrafficRouting};
use fleetgate_plan::{ClusterKey, Provider, Target};

pub use self::analysis::{INTERVAL, THRESHOLD};
pub use self::commands::{TESTLOADER, WEBHOOK_TIMEOUT};
pub use self::required::REQUIRED;
pub use self::revert::REVERT;
pub use self::service::{NAMES, PORT, SERVICE};
pub use self::session_affinity::SESSION_AFFINITY;
pub use self::sharing::{ONE_PER_SERVICE, ONE_PER_WORKLOAD};
pub use self::skip_analysis::SKIP_ANALYSIS;
pub use self::strategy::{ANALYSIS_TIMES, KUBERNETES_WEIGHTS, STEP_WEIGHTS_EXCLUSIVE, STRATEGY};
pub use self::timeout::TIMEOUT;
pub use self::weights::{MAX_WEIGHT, STEP_WEIGHT, STEP_WEIGHT_PROMOTION, STEP_WEIGHTS};
pub use self::weights_changed::WEIGHTS_CHANGED;
pub use self::workload::WORKLOAD;
use super::Input;
use crate::field_path::FieldPath;
use crate::finding::Findings;

/// The checks that need nothing but the rollout itself.
const CHECKS: &[fn(Subject<'_>, &mut Findings)] = &[
    required::check,
    workload::check,
    service::check,
    strategy::check,
    weights::check,
    analysis::check,
    commands::check_timeout,
    session_affinity::check,
    timeout::check,
];

/// The rollout of one policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The policy's place in the spec.
    index: usize,
    pub(super) rollout: &'a Rollout,
    /// `None` if there is no such provider, of which another rule speaks.
    provider: Option<Provider>,
}

/// What a Canary is told apart by in a cluster: namespace and name of its
/// workload, after which Kurator names it. Flagger, too, does not ask for the
/// kind when it warns that two Canaries have one target.
type WorkloadKey<'a> = (&'a str, &'a str);

impl<'a> Subject<'a> {
    pub(super) fn path(self) -> FieldPath {
        FieldPath::policy(self.index).field("rollout")
    }

    fn policy_path(self) -> FieldPath {
        self.path().field("rolloutPolicy")
    }

    fn routing(self) -> Option<&'a TrafficRouting> {
        self.rollout.rollout_policy.traffic_routing.as_ref()
    }

    fn routing_path(self) -> FieldPath {
        self.policy_path().field("trafficRouting")
    }

    fn canary(self) -> Option<&'a CanaryStrategy> {
        self.routing()?.canary_strategy.as_ref()
    }

    fn canary_path(self) -> FieldPath {
        self.routing_path().field("canaryStrategy")
    }

    fn analysis(self) -> Option<&'a TrafficAnalysis> {
        self.rollout.rollout_policy.traffic_analysis.as_ref()
    }

    pub(super) fn analysis_path(self) -> FieldPath {
        self.policy_path().field("trafficAnalysis")
    }

    /// `None` while the workload has no name or no namespace.
    fn workload_key(self) -> Option<WorkloadKey<'a>> {
        let workload = &self.rollout.workload;
        let namespace = workload.namespace.as_deref().filter(|namespace| !namespace.is_empty())?;
        (!workload.name.is_empty()).then_some((namespace, workload.name.as_str()))
    }
}

/// Every rollout of an Application.
pub(super) fn subjects(application: &Application) -> impl Iterator<Item = Subject<'_>> {
    application.spec.sync_policies.iter().enumerate().filter_map(|(index, policy)| {
        let rollout = policy.rollout.as_ref()?;
        Some(Subject { index, rollout, provider: Provider::of(&rollout.traffic_routing_provider) })
    })
}

/// A target's cluster, or `None` for the host.
fn cluster_of(target: &Target) -> Option<&ClusterKey> {
    match target {
        Target::Host => None,
        Target::Member(cluster) => Some(&cluster.key),
    }
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for subject in subjects(input.application) {
        for check in CHECKS {
            check(subject, findings);
        }
        commands::check_testloader(input, subject, findings);
    }
    workload::check_delivery(input.application, findings);
    sharing::check(input, findings);
    skip_analysis::check(input, findings);
    weights_changed::check(input, findings);
    revert::check(input, findings);
}

#[cfg(test)]
mod tests {
    use super::test_fixtures::{changed, of_policies, policy};
    use crate::finding::MOST_KEPT;
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::catalog;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(json!(null)),
            (-2..105).prop_map(Value::from),
            prop::sample::select(vec![i32::MIN, i32::MAX]).prop_map(Value::from),
            Just(json!("text")),
        ]
    }

    fn text() -> impl Strategy<Value = Value> {
        let known =
            vec!["istio", "kuma", "knative", "kubernetes", "Service", "DaemonSet", "backend", "v1", ""];
        prop_oneof![
            Just(json!(null)),
            prop::sample::select(known).prop_map(Value::from),
            "\\PC{0,70}".prop_map(Value::from)
        ]
    }

    prop_compose! {
        fn patch()(
            numbers in prop::collection::vec(number(), 14), texts in prop::collection::vec(text(), 7),
            weights in prop::option::of(prop::collection::vec(number(), 0..4)), skips in any::<Option<bool>>(),
        ) -> Value {
            json!({
                "trafficRoutingProvider": texts[0], "serviceName": texts[1], "port": numbers[0], "testLoader": skips,
                "workload": {"kind": texts[2], "apiVersion": texts[3], "name": texts[4], "namespace": texts[5]},
                "rolloutPolicy": {
                    "rolloutTimeoutSeconds": numbers[1], "skipTrafficAnalysis": skips,
                    "trafficRouting": {
                        "timeoutSeconds": numbers[2], "analysisTimes": numbers[3],
                        "retries": {"attempts": numbers[4], "perTryTimeout": texts[6]},
                        "canaryStrategy": {
                            "maxWeight": numbers[5], "stepWeight": numbers[6], "stepWeights": weights,
                            "stepWeightPromotion": numbers[7],
                        },
                    },
                    "trafficAnalysis": {
                        "checkIntervalSeconds": numbers[8], "checkFailedTimes": numbers[9],
                        "metrics": [{"name": texts[6], "intervalSeconds": numbers[10]}],
                        "webhooks": {"timeoutSeconds": numbers[11], "command": [texts[6]]},
                        "sessionAffinity": {"cookieName": texts[6], "maxAge": numbers[12]},
                    },
                },
            })
        }
    }

    proptest! {
        #[test]
        fn no_rollout_makes_it_panic(old in patch(), new in patch(), other in patch()) {
            let of = |patches: [&Value; 2]| {
                let policies: Vec<Value> =
                    patches.iter().map(|patch| policy("web", &changed(patch), &json!(null))).collect();
                of_policies(&json!(policies))
            };
            let (old, new) = (of([&old, &other]), of([&new, &other]));
            let verdict = judge(Kind::Application, new.clone(), Some(&old), &catalog());
            let again = judge(Kind::Application, verdict.object.clone(), Some(&old), &catalog());
            prop_assert_eq!(verdict.object, again.object);
        }
    }

    #[test]
    fn very_many_rollouts_that_change_take_time_in_proportion() {
        let of = |steps: Value, selector: Value| {
            let strategy = json!({"maxWeight": null, "stepWeight": null, "stepWeights": steps});
            let policies: Vec<Value> = (0..2_000)
                .map(|index| {
                    let rollout = changed(&json!({
                        "serviceName": format!("s{index}"), "workload": {"name": format!("w{index}")},
                        "rolloutPolicy": {"trafficRouting": {"canaryStrategy": strategy}},
                    }));
                    policy(&format!("p{index}"), &rollout, &selector)
                })
                .collect();
            of_policies(&json!(policies))
        };
        let old = of(json!([10, 20]), json!(null));
        let new = of(json!([30, 50]), json!({"matchLabels": {"env": "test"}}));
        let verdict = judge(Kind::Application, new.clone(), Some(&old), &catalog());
        assert!(verdict.is_admitted());
        assert_eq!(verdict.findings.len(), MOST_KEPT);
    }
}
