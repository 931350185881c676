//! `fleetgate render`: every object that the Applications of some files become,
//! with no cluster at hand: Flux's on the host, and what stands in each cluster
//! for a rollout.
//!
//! **Invariant**: it prints what the plan has, which is what the controllers
//! go by, and decides nothing. What admission would refuse is not rendered. The
//! same files give the same output, to the byte.

mod rollout;

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Context;
use fleetgate_api::Application;
use fleetgate_check::{Applications, Outcome, applications};
use fleetgate_plan::{Binding, Catalog, Owner, Plan, PolicyPlan, Target, Template};
use serde::Serialize;

use crate::cli::RenderOptions;

/// Prints what becomes of the Applications that are asked for to `out`, and what
/// is to be said about them to `notes`.
///
/// # Errors
///
/// When `out` or `notes` cannot be written to.
pub(crate) fn run(
    options: RenderOptions,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let applications = applications(&options.files, &options.catalog, options.tenancy.into());
    for line in applications.unreadable.iter().chain(&applications.refused) {
        writeln!(notes, "{line}")?;
    }
    for application in &applications.admitted {
        render(application, &applications.catalog, out, notes)?;
    }
    out.flush()?;
    Ok(outcome(&applications))
}

fn outcome(applications: &Applications) -> Outcome {
    if !applications.unreadable.is_empty() {
        Outcome::Unreadable
    } else if !applications.refused.is_empty() {
        Outcome::Refused
    } else {
        Outcome::Admitted
    }
}

fn render(
    application: &Application,
    catalog: &Catalog,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<()> {
    let plan = Plan::of(application, catalog);
    let heading = format!("Application {}/{}", plan.owner.namespace, plan.owner.name);
    for gap in gaps(&plan) {
        writeln!(notes, "note: {heading}: {gap}")?;
    }
    if let Some(source) = &plan.source {
        render_template(source, &plan.owner, &heading, out)?;
    }
    for (index, (policy, planned)) in application.spec.sync_policies.iter().zip(&plan.policies).enumerate() {
        if let Some(template) = &planned.template {
            render_template(template, &plan.owner, &heading, out)?;
        }
        let subject =
            rollout::Subject { spec: &application.spec, policy, planned, owner: &plan.owner, catalog };
        for note in rollout::render(subject, &heading, out)? {
            writeln!(notes, "note: {heading}: spec.syncPolicies[{index}].rollout{note}")?;
        }
    }
    Ok(())
}

fn render_template(
    template: &Template,
    owner: &Owner,
    heading: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    for binding in template.bindings() {
        let text = yaml(&template.render(&binding, owner))?;
        write!(out, "---\n{}{text}", comment(heading, template, &binding))?;
    }
    Ok(())
}

fn yaml(object: &impl Serialize) -> anyhow::Result<String> {
    let value = serde_json::to_value(object).context("an object cannot be rendered")?;
    serde_saphyr::to_string(&value).context("an object is no YAML")
}

/// Whose object it is, and what is special about it.
fn comment(heading: &str, template: &Template, binding: &Binding) -> String {
    let Some(policy) = template.policy() else {
        return format!("# {heading}, source\n");
    };
    let left_out: Vec<&str> = template.left_out(&binding.target).collect();
    let note = match &left_out[..] {
        [] => String::new(),
        names => format!("# It does not wait for {}, which does not go there.\n", names.join(", ")),
    };
    format!("# {heading}, policy {policy}, {}\n{note}", place(&binding.target))
}

/// A name may come from anyone's file, and a line break in it would end the comment.
fn place(target: &Target) -> String {
    match target {
        Target::Host => "the host".to_owned(),
        Target::Member(cluster) => cluster.key.to_string().escape_debug().to_string(),
    }
}

/// What of a plan is not applied although it is rendered, and what could not be
/// rendered, and why.
fn gaps(plan: &Plan) -> Vec<String> {
    let undelivered = plan.undelivered.iter().map(|part| {
        format!(
            "{}: {} is rendered, and not delivered yet: the policy is delivered without it",
            part.path, part.what
        )
    });
    let missing: BTreeSet<String> = plan.policies.iter().flat_map(missing).collect();
    undelivered.chain(missing).collect()
}

/// What a policy's destination names and the files do not have.
fn missing(policy: &PolicyPlan) -> Vec<String> {
    let resolution = &policy.resolution;
    let advice = "name its file with --catalog";
    let fleet = resolution.missing_fleet.iter();
    let fleet = fleet.map(|name| format!("Fleet {name:?} is not among the files: {advice}"));
    let clusters = resolution.missing_clusters.iter();
    let clusters = clusters.map(|key| format!("{key} is not among the files: {advice}"));
    let unreachable = resolution.targets.iter().filter(|target| !target.is_reachable());
    let unreachable =
        unreachable.map(|target| format!("cluster {:?} names no kubeconfig Secret", target.name()));
    fleet.chain(clusters).chain(unreachable).chain(resolution.faults.iter().cloned()).collect()
}
