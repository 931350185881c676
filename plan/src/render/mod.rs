//! The renderers: what a source and what a policy become, a file per kind of
//! object, and a file for each thing that differs from cluster to cluster.
//!
//! ```text
//! spec.source ──────▶ source ─────────────────────────┐
//! kustomization ────▶ kustomization ─┐                ├─▶ Template ─▶ objects
//! helm ─────────────▶ helm_release ──┴─▶ depends_on, ─┘      ▲
//!                                        overrides       variables, kubeconfig
//! ```
//!
//! **Invariant**: what the user wrote is passed on as it is. Only what Flux has
//! dropped is left out, and only what Fleetgate alone can know is added.

pub(crate) mod depends_on;
mod helm_release;
mod kustomization;
pub(crate) mod overrides;
mod source;
pub(crate) mod variables;

use fleetgate_api::application::SyncPolicy;
use serde_json::{Map, Value};

use self::depends_on::{DependsOn, Siblings};
use self::overrides::Overrides;
pub(crate) use self::source::{source, source_kind};
use crate::template::{Origin, Template};
use crate::{FluxKind, Owner, PolicyPlan, Tenancy};

/// The kind of object that delivers `policy`; `None` if it says neither.
pub(crate) fn kind_of(policy: &SyncPolicy) -> Option<FluxKind> {
    if policy.kustomization.is_some() {
        Some(FluxKind::Kustomization)
    } else {
        policy.helm.as_ref().map(|_| FluxKind::HelmRelease)
    }
}

/// What the policy at `index` becomes, delivered from `source`.
pub(crate) fn policy(
    (index, policy): (usize, &SyncPolicy),
    placed: &PolicyPlan,
    (source, owner): (FluxKind, &Owner),
    siblings: &Siblings<'_>,
    tenancy: &Tenancy,
) -> Option<Template> {
    let kind = kind_of(policy)?;
    let (field, mut spec, depends_on) = match (&policy.kustomization, &policy.helm) {
        (Some(kustomization), _) => {
            let spec = kustomization::spec(kustomization, source, &owner.name)?;
            ("kustomization", spec, &kustomization.depends_on)
        }
        (None, Some(helm)) => ("helm", helm_release::spec(helm, source, owner), &helm.depends_on),
        (None, None) => return None,
    };
    tenancy.fill(&mut spec);
    let depends_on = depends_on.as_deref().unwrap_or_default();
    Some(Template::of_policy(
        (kind, Origin::Policy { index, field }),
        placed,
        spec,
        Overrides::of(policy, kind),
        DependsOn::of(depends_on, kind, (&owner.namespace, &placed.resolution), siblings),
    ))
}

/// The types serialise to objects by construction.
fn to_map(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
