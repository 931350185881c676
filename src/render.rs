//! `fleetgate render`: every Flux object that the Applications of some files
//! become, cluster by cluster, with no cluster at hand.
//!
//! **Invariant**: it prints what the controllers would apply, by the same plan,
//! and decides nothing. What admission would refuse is not rendered. The same
//! files give the same output, to the byte.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use fleetgate_api::Application;
use fleetgate_plan::{Binding, Catalog, Plan, PolicyPlan, Target, Template};

use crate::check::{Applications, Outcome, applications};

/// Prints what becomes of the Applications below `files` to `out`, and what is
/// to be said about them to `notes`. The Fleets and clusters that they name are
/// looked for there and below `around`.
///
/// # Errors
///
/// When `out` or `notes` cannot be written to.
pub(crate) fn run(
    files: &[PathBuf],
    around: &[PathBuf],
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let applications = applications(files, around);
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
    let owner = format!("Application {}/{}", plan.owner.namespace, plan.owner.name);
    for gap in gaps(&plan) {
        writeln!(notes, "note: {owner}: {gap}")?;
    }
    for template in plan.delivered() {
        for binding in template.bindings() {
            let object = serde_json::to_value(template.render(&binding, &plan.owner));
            let text = object.map(|object| serde_saphyr::to_string(&object));
            let text = text.context("an object cannot be rendered")?.context("an object is no YAML")?;
            write!(out, "---\n{}{text}", comment(&owner, template, &binding))?;
        }
    }
    Ok(())
}

/// Whose object it is, and what is special about it.
fn comment(owner: &str, template: &Template, binding: &Binding) -> String {
    let Some(policy) = template.policy() else {
        return format!("# {owner}, source\n");
    };
    let place = match &binding.target {
        Target::Host => "the host".to_owned(),
        Target::Member(cluster) => cluster.key.to_string(),
    };
    // A name may come from anyone's file, and a line break in it would end the comment.
    let place = place.escape_debug();
    let left_out: Vec<&str> = template.left_out(&binding.target).collect();
    let note = match &left_out[..] {
        [] => String::new(),
        names => format!("# It does not wait for {}, which does not go there.\n", names.join(", ")),
    };
    format!("# {owner}, policy {policy}, {place}\n{note}")
}

/// What of a plan could not be rendered, and why.
fn gaps(plan: &Plan) -> Vec<String> {
    let undelivered =
        plan.undelivered.iter().map(|part| format!("{}: {} are not rendered", part.path, part.what));
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
