//! What stands in each destination cluster for a policy's rollout: Flagger's
//! Canary, and what it needs beside it.
//!
//! ```text
//!                          ┌─▶ Namespace       the sidecars of a mesh         (namespace.rs)
//!                          ├─▶ Deployment,
//!                          │   Service         the load tester                (load_tester.rs)
//! Rollout ──▶ objects() ───┼─▶ Ingress         for nginx                      (ingress.rs)
//!                          ├─▶ MetricTemplate  for each metric of one's own   (metric_template.rs)
//!                          └─▶ Canary          (canary.rs: service.rs, analysis.rs, matching.rs)
//!
//! a fault at a field of one of these ──▶ origin() ──▶ the field of the Rollout
//! ```
//!
//! Names are those that Kurator gives, so that what it installed is taken over
//! in place. Where Kurator's own rendering would send traffic that nobody asked
//! for, or names what is not there, the better thing is done and said.
//!
//! **Invariant**: pure and total. Whatever the API's types can hold renders, or
//! is refused with the field that is missing; a field that is absent means its
//! documented default. Every field that is rendered exists in Flagger's CRDs
//! (`artifacts/flagger/crd.yaml`, version 1.36).

mod analysis;
mod canary;
#[cfg(test)]
mod examples;
mod feature;
mod fields;
mod ingress;
#[cfg(test)]
mod laws;
mod load_tester;
mod matching;
mod metric_template;
mod namespace;
mod object;
mod origin;
mod service;

use std::fmt;

use fleetgate_api::rollout::Rollout;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::Provider;

pub use analysis::{BUILT_IN_METRICS, is_built_in};
pub use feature::Feature;
pub use ingress::ingress_name;
pub use load_tester::{LOAD_TESTER_IMAGE, load_tester_name};
pub use matching::uncarried;
pub use object::{MemberKind, MemberObject};
pub use origin::Step;

/// A policy's rollout in one destination cluster.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// Namespace of the Application.
    pub namespace: &'a str,
    /// Name of the Application.
    pub application: &'a str,
    /// The policy's name, its own or a generated one.
    pub policy: &'a str,
    /// What the policy asks for.
    pub rollout: &'a Rollout,
    /// What the cluster itself has to say.
    pub member: Member<'a>,
}

/// What only a look at the destination cluster can tell. Without it, as at
/// admission, everything has a default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Member<'a> {
    /// The target port of the workload's Service as it stands in the cluster.
    /// Without it Flagger takes the Service's port.
    pub target_port: Option<&'a IntOrString>,
    /// The address of the load tester that the Fleet's Flagger plugin
    /// installed there, with a scheme.
    pub public_load_tester: Option<&'a str>,
    /// The name of an Ingress that stands there for this policy already.
    /// Kurator calls it `nginx`; a second one for the same host would be
    /// refused by the ingress controller's own admission.
    pub ingress: Option<&'a str>,
}

/// A rollout of which nothing can be made. Admission refuses it; what is stored
/// may have passed no gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unrenderable {
    /// The field, from the rollout on.
    pub path: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub reason: &'static str,
}

impl fmt::Display for Unrenderable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.reason)
    }
}

impl std::error::Error for Unrenderable {}

/// What every renderer needs, checked once.
#[derive(Clone, Copy)]
struct Context<'a> {
    release: &'a Release<'a>,
    rollout: &'a Rollout,
    provider: Provider,
    /// The workload's namespace, in which everything lives.
    namespace: &'a str,
}

/// All objects that are to stand in the cluster, in the order in which they are
/// to be applied: what others refer to comes first, the Canary last.
///
/// # Errors
///
/// If a field is missing, or has a value, with which no object would be better
/// than any that could be made.
pub fn objects(release: &Release<'_>) -> Result<Vec<MemberObject>, Unrenderable> {
    let context = Context::of(release)?;
    let mut objects = Vec::new();
    objects.extend(namespace::render(&context));
    objects.extend(load_tester::render(&context));
    objects.extend(ingress::render(&context)?);
    objects.extend(of_flagger(&context));
    Ok(objects)
}

/// Those of Flagger's own kinds alone, in the same order: what its CRDs judge.
///
/// # Errors
///
/// If a field is missing that all of them need.
pub fn flagger_objects(release: &Release<'_>) -> Result<Vec<MemberObject>, Unrenderable> {
    Ok(of_flagger(&Context::of(release)?))
}

fn of_flagger(context: &Context<'_>) -> Vec<MemberObject> {
    let mut objects = metric_template::render(context);
    objects.push(canary::render(context));
    objects
}

impl<'a> Context<'a> {
    fn of(release: &'a Release<'a>) -> Result<Self, Unrenderable> {
        let rollout = release.rollout;
        let provider = Provider::of(&rollout.traffic_routing_provider).ok_or(Unrenderable {
            path: "trafficRoutingProvider",
            // Flagger itself would take it for Istio without a word.
            reason: "is no provider that is supported",
        })?;
        let namespace = rollout.workload.namespace.as_deref().unwrap_or_default();
        let required = [
            ("workload.name", rollout.workload.name.as_str()),
            ("workload.namespace", namespace),
            ("serviceName", rollout.service_name.as_str()),
        ];
        match required.into_iter().find(|(_, value)| value.is_empty()) {
            Some((path, _)) => Err(Unrenderable { path, reason: "is missing" }),
            None => Ok(Self { release, rollout, provider, namespace }),
        }
    }
}

#[cfg(test)]
mod test_fixtures {
    use fleetgate_api::rollout::Rollout;
    use serde_json::{Value, json};

    use super::{Member, MemberKind, MemberObject, Release, Unrenderable, objects};

    /// A canary for `provider`, with `changes` merged over it; a null takes a
    /// field away.
    pub(super) fn rollout(provider: &str, changes: Value) -> Rollout {
        let mut rollout = json!({
            "trafficRoutingProvider": provider,
            "workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend", "namespace": "webapp"},
            "serviceName": "backend-svc",
            "port": 9898,
            "rolloutPolicy": {
                "trafficRouting": {"host": "app.example.com", "canaryStrategy": {"stepWeight": 10}},
                "trafficAnalysis": {"checkIntervalSeconds": 90, "checkFailedTimes": 2},
            },
        });
        merge(&mut rollout, changes);
        serde_json::from_value(rollout).expect("a Rollout")
    }

    pub(super) fn release(rollout: &Rollout) -> Release<'_> {
        let member = Member::default();
        Release { namespace: "default", application: "shop", policy: "web", rollout, member }
    }

    pub(super) fn try_objects(rollout: &Rollout) -> Result<Vec<MemberObject>, Unrenderable> {
        objects(&release(rollout))
    }

    pub(super) fn find(rollout: &Rollout, kind: MemberKind) -> Vec<MemberObject> {
        let objects = try_objects(rollout).expect("it renders");
        objects.into_iter().filter(|object| object.kind == kind).collect()
    }

    /// The Canary's spec.
    pub(super) fn canary(rollout: &Rollout) -> Value {
        find(rollout, MemberKind::Canary).first().expect("a Canary").body["spec"].clone()
    }

    fn merge(value: &mut Value, changes: Value) {
        match (value, changes) {
            (Value::Object(value), Value::Object(changes)) => {
                for (key, change) in changes {
                    if change.is_null() {
                        value.remove(&key);
                    } else {
                        merge(value.entry(key).or_insert(Value::Null), change);
                    }
                }
            }
            (value, changes) => *value = changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::test_fixtures::{rollout, try_objects};
    use serde_json::json;

    #[test]
    fn what_is_referred_to_comes_first() {
        let metric = json!([{"name": "mine", "customMetric": {"query": "1"}}]);
        let analysis = json!({"testLoader": true, "rolloutPolicy": {"trafficAnalysis": {"metrics": metric}}});
        let table = [
            ("istio", "Namespace Deployment Service MetricTemplate Canary"),
            ("nginx", "Deployment Service Ingress MetricTemplate Canary"),
            ("kubernetes", "Deployment Service MetricTemplate Canary"),
        ];
        for (provider, expected) in table {
            let objects = try_objects(&rollout(provider, analysis.clone())).expect("it renders");
            let kinds: Vec<_> = objects.iter().map(|object| object.kind.kind()).collect();
            assert_eq!(kinds.join(" "), expected, "{provider}");
        }
    }

    #[test]
    fn nothing_is_made_of_what_would_only_do_harm() {
        let table = [
            (rollout("Istio", json!({})), "trafficRoutingProvider"),
            (rollout("istio", json!({"workload": {"namespace": null}})), "workload.namespace"),
            (rollout("istio", json!({"workload": {"name": ""}})), "workload.name"),
            (rollout("istio", json!({"serviceName": ""})), "serviceName"),
            (
                rollout("nginx", json!({"rolloutPolicy": {"trafficRouting": null}})),
                "rolloutPolicy.trafficRouting.host",
            ),
        ];
        for (rollout, path) in table {
            assert_eq!(try_objects(&rollout).map_err(|fault| fault.path), Err(path));
        }
    }
}
