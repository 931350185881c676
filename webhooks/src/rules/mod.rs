//! The catalogue of admission rules.
//!
//! One file per subject; in it a rule's code, its documentation and its table
//! test stand together. `docs/rules.md` is generated from [`CATALOGUE`].
//!
//! **Invariant**: a rule is a pure function of the object and the Catalog. It
//! never panics, denies only what cannot work or is dangerous, and where it
//! needs an object that the Catalog does not have it stays silent (`ref/*`
//! rules excepted).

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::{Catalog, Plan};

use crate::finding::{Findings, Severity};

pub use self::example::Example;

pub mod cluster;
mod data_source;
pub mod destination;
pub mod duration;
pub mod example;
pub mod expression;
pub mod fleet;
pub mod helm;
pub mod kustomization;
pub mod metric;
pub mod object;
pub mod overrides;
pub mod policy;
mod re2;
pub mod reference;
pub mod rollout;
pub mod routing;
pub mod schema;
pub mod selector;
pub mod source;
pub mod target;

/// A rule's entry in the catalogue.
#[derive(Debug)]
pub struct Rule {
    /// Its code, which never changes once released.
    pub code: &'static str,
    /// What its findings do.
    pub severities: &'static [Severity],
    /// What it finds.
    pub what: &'static str,
    /// Which system would fail otherwise, and how.
    pub why: &'static str,
    /// What it finds something in, and how that is put right.
    pub example: Example,
}

/// A rule that only denies.
pub(crate) const DENIES: &[Severity] = &[Severity::Error];
/// A rule that only warns.
pub(crate) const WARNS: &[Severity] = &[Severity::Warning];
/// A rule that denies the worse and warns of the lesser.
pub(crate) const DENIES_OR_WARNS: &[Severity] = &[Severity::Error, Severity::Warning];

/// What a rule about an Application may look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The Application, after defaulting.
    pub application: &'a Application,
    /// On an update, what is stored.
    pub old: Option<&'a Application>,
    /// The fleets and clusters of the moment.
    pub catalog: &'a Catalog,
    /// What becomes of the Application: policy by policy, in the spec's order.
    pub plan: &'a Plan,
}

/// What a rule about a Fleet may look at.
#[derive(Clone, Copy, Debug)]
pub struct FleetInput<'a> {
    /// The Fleet.
    pub fleet: &'a Fleet,
    /// On an update, what is stored.
    pub old: Option<&'a Fleet>,
    /// The clusters and Applications of the moment.
    pub catalog: &'a Catalog,
}

/// What a rule about an AttachedCluster may look at.
#[derive(Clone, Copy, Debug)]
pub struct ClusterInput<'a> {
    /// The AttachedCluster.
    pub cluster: &'a AttachedCluster,
    /// On an update, what is stored.
    pub old: Option<&'a AttachedCluster>,
    /// The fleets and Applications of the moment.
    pub catalog: &'a Catalog,
}

/// Every rule, in the order of the documentation.
pub const CATALOGUE: &[&Rule] = &[
    &object::UNREADABLE,
    &object::NAME,
    &object::METADATA,
    &object::DEPRECATED_FIELD,
    &object::UNKNOWN_FIELD,
    &object::DUPLICATE,
    &source::EXACTLY_ONE,
    &source::POLICY_MISMATCH,
    &source::HELM_TYPE,
    &source::URL,
    &source::REF,
    &source::SEMVER,
    &source::IGNORE_AND_INCLUDE,
    &duration::INTERVAL,
    &policy::NONE,
    &policy::EXACTLY_ONE,
    &policy::NAME,
    &policy::CHILD_NAME_TAKEN,
    &policy::RENUMBERED,
    &policy::REDEPLOYED,
    &policy::DEPENDS_ON,
    &policy::PATH,
    &policy::DUPLICATE_DELIVERY,
    &policy::TARGET_NAMESPACE,
    &policy::METADATA,
    &target::TARGET,
    &expression::EXPRESSION,
    &overrides::OVERRIDE,
    &helm::CHART_NAME,
    &helm::RELEASE_NAME,
    &helm::VALUES,
    &helm::NAMESPACE,
    &kustomization::PATCH_TARGET,
    &kustomization::SUBSTITUTE,
    &kustomization::HEALTH_CHECK,
    &destination::MIXED,
    &destination::SEVERAL_FLEETS,
    &destination::FLEET_MISSING,
    &destination::FLEET_NAME,
    &destination::SELECTOR_WIDENED,
    &destination::HOST_FORBIDDEN,
    &selector::SYNTAX,
    &selector::EMPTY,
    &selector::NO_MATCH,
    &selector::removal::PREVIEW,
    &selector::removal::MASS_REMOVAL,
    &reference::FLEET,
    &reference::cluster::CLUSTER,
    &reference::name::NAME,
    &reference::secret::SECRET,
    &reference::cross_namespace::CROSS_NAMESPACE,
    &reference::plugin::PLUGIN,
    &reference::secret::SERVICE_ACCOUNT,
    &rollout::REQUIRED,
    &rollout::WORKLOAD,
    &rollout::ONE_PER_WORKLOAD,
    &rollout::ONE_PER_SERVICE,
    &rollout::PORT,
    &rollout::SERVICE,
    &rollout::NAMES,
    &rollout::STRATEGY,
    &rollout::STEP_WEIGHTS_EXCLUSIVE,
    &rollout::STEP_WEIGHT,
    &rollout::STEP_WEIGHTS,
    &rollout::MAX_WEIGHT,
    &rollout::STEP_WEIGHT_PROMOTION,
    &rollout::WEIGHTS_CHANGED,
    &rollout::ANALYSIS_TIMES,
    &rollout::INTERVAL,
    &rollout::THRESHOLD,
    &rollout::KUBERNETES_WEIGHTS,
    &rollout::WEBHOOK_TIMEOUT,
    &rollout::TESTLOADER,
    &rollout::SESSION_AFFINITY,
    &rollout::TIMEOUT,
    &rollout::SKIP_ANALYSIS,
    &rollout::REVERT,
    &routing::provider::PROVIDER,
    &routing::ab::PROVIDER_AB,
    &routing::ab::MATCH_NEEDS_TIMES,
    &routing::matching::MATCH,
    &routing::ab::CANARY_AND_MATCH,
    &routing::nginx::NGINX_HOST,
    &routing::istio::ISTIO,
    &routing::gateway_api::GATEWAY_API,
    &routing::kuma::KUMA_PROTOCOL,
    &routing::foreign::FOREIGN_FIELD,
    &metric::name::METRIC_NAME,
    &metric::range::METRIC_RANGE,
    &metric::template::METRIC_TEMPLATE,
    &metric::traffic::METRIC_TRAFFIC,
    &metric::unmatched::METRIC_UNMATCHED,
    &schema::GIT_REPOSITORY,
    &schema::HELM_REPOSITORY,
    &schema::OCI_REPOSITORY,
    &schema::BUCKET,
    &schema::KUSTOMIZATION,
    &schema::HELM_RELEASE,
    &schema::CANARY,
    &schema::METRIC_TEMPLATE,
    &fleet::clusters::DUPLICATE,
    &fleet::clusters::KIND,
    &fleet::clusters::NAME,
    &fleet::clusters::NAMESPACE,
    &fleet::plugin::PLUGIN,
    &fleet::in_use::IN_USE,
    &fleet::removal::REMOVAL,
    &cluster::KUBECONFIG,
    &cluster::content::CONTENT,
    &cluster::in_use::IN_USE,
];

/// The checks that are made of every Application.
const CHECKS: &[fn(Input<'_>, &mut Findings)] = &[
    object::check,
    source::check,
    duration::check,
    policy::check,
    target::check,
    expression::check,
    overrides::check,
    helm::check,
    kustomization::check,
    destination::check,
    selector::check,
    reference::check,
    reference::name::check,
    reference::cross_namespace::check,
    reference::plugin::check,
    rollout::check,
    routing::check,
    metric::check,
];

/// The checks that are made of every Fleet.
const FLEET_CHECKS: &[fn(FleetInput<'_>, &mut Findings)] = &[
    fleet::clusters::check,
    fleet::plugin::check,
    fleet::removal::check,
    selector::check_fleet,
    reference::cluster::check,
];

/// The checks that are made of every AttachedCluster.
const CLUSTER_CHECKS: &[fn(ClusterInput<'_>, &mut Findings)] = &[cluster::check, cluster::labels::check];

/// What all rules say about an Application, on an update beside the stored one.
pub fn check(
    application: &Application,
    old: Option<&Application>,
    catalog: &Catalog,
    findings: &mut Findings,
) {
    let plan = Plan::of(application, catalog);
    for check in CHECKS {
        check(Input { application, old, catalog, plan: &plan }, findings);
    }
    // Last: it leaves to the others what they have said.
    schema::check(application, plan, catalog, findings);
}

/// What all rules say about a Fleet.
pub fn check_fleet(input: FleetInput<'_>, findings: &mut Findings) {
    for check in FLEET_CHECKS {
        check(input, findings);
    }
}

/// What all rules say about an AttachedCluster.
pub fn check_cluster(input: ClusterInput<'_>, findings: &mut Findings) {
    for check in CLUSTER_CHECKS {
        check(input, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for rule in CATALOGUE {
            assert!(seen.insert(rule.code), "{} stands twice", rule.code);
            let (subject, name) = rule.code.split_once('/').expect("subject/name");
            let kebab = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            // A schema's rule is named after its kind.
            let is_kind = subject == "schema" && name.chars().all(char::is_alphabetic);
            assert!(kebab(subject) && (kebab(name) || is_kind), "{}", rule.code);
            assert!(!rule.what.is_empty() && !rule.why.is_empty(), "{}", rule.code);
        }
    }
}
