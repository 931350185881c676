//! What stands in a policy's clusters for its rollout: Flagger's Canary and what
//! it needs beside it, as far as it is known without a look at the clusters.

use std::io::Write;

use fleetgate_api::application::{ApplicationSpec, SyncPolicy};
use fleetgate_plan::destination::{Placement, placement};
use fleetgate_plan::flagger::{self, Member};
use fleetgate_plan::{Catalog, Owner, PolicyPlan, Target};

use super::{place, yaml};

/// A policy with what is planned for it, and what that was planned from.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) spec: &'a ApplicationSpec,
    pub(super) policy: &'a SyncPolicy,
    pub(super) planned: &'a PolicyPlan,
    pub(super) owner: &'a Owner,
    pub(super) catalog: &'a Catalog,
}

/// Prints the objects of the policy's rollout, cluster by cluster, those that
/// others refer to first. Returns what is to be said about them, each from the
/// rollout's own path on.
///
/// # Errors
///
/// When `out` cannot be written to.
pub(super) fn render(
    subject: Subject<'_>,
    heading: &str,
    out: &mut impl Write,
) -> anyhow::Result<Vec<String>> {
    // What a cluster has to say nobody knows here: it has the defaults of admission.
    let Some(release) = subject.planned.release(subject.owner, subject.policy, Member::default()) else {
        return Ok(Vec::new());
    };
    let objects = match flagger::objects(&release) {
        Ok(objects) => objects,
        Err(fault) => return Ok(vec![format!(".{fault}: nothing of the rollout is rendered")]),
    };
    // They are the same in every cluster: as text they are made once.
    let texts = objects.iter().map(|object| yaml(&object.render())).collect::<anyhow::Result<Vec<_>>>()?;
    let targets = subject.planned.resolution.reachable();
    for target in targets {
        let comment = comment(heading, release.policy, target);
        for text in &texts {
            write!(out, "---\n{comment}{text}")?;
        }
    }
    Ok(unknown_load_tester(subject).into_iter().collect())
}

/// Unlike Flux's objects these do not stand on the host, unless that is where the policy goes.
fn comment(heading: &str, policy: &str, target: &Target) -> String {
    let preposition = match target {
        Target::Host => "on",
        Target::Member(_) => "in",
    };
    format!("# {heading}, policy {policy}, rollout: stands {preposition} {}\n", place(target))
}

/// Where the commands go to the fleet's load tester, whose address is not in any file.
fn unknown_load_tester(subject: Subject<'_>) -> Option<String> {
    let rollout = subject.policy.rollout.as_ref()?;
    let analysis = rollout.rollout_policy.traffic_analysis.as_ref()?;
    let commands = analysis.webhooks.as_ref()?.command.as_ref()?;
    if commands.is_empty() || rollout.test_loader == Some(true) {
        return None;
    }
    let Placement::Fleet { fleet, .. } = placement(subject.spec, subject.policy) else {
        return None;
    };
    let fleet = subject.catalog.fleet(&subject.owner.namespace, fleet)?;
    fleet.flagger.as_ref().filter(|flagger| flagger.public_testloader)?;
    let own = flagger::load_tester_name(&rollout.service_name);
    Some(format!(": the address of the fleet's load tester is not known here: that of {own:?} is rendered"))
}

#[cfg(test)]
mod tests {
    use fleetgate_api::Application;
    use fleetgate_plan::{Catalog, Plan};
    use serde_json::{Value, json};

    use super::{Subject, render};

    fn rendered(rollout: &Value) -> (String, Vec<String>) {
        let application: Application = serde_json::from_value(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {
                "source": {"gitRepository": {"url": "https://e.com/r", "interval": "5m"}},
                "syncPolicies": [{"kustomization": {"interval": "5m", "prune": true}, "rollout": rollout}],
            },
        }))
        .expect("an Application");
        let catalog = Catalog::default();
        let plan = Plan::of(&application, &catalog);
        let spec = &application.spec;
        let (policy, planned) = (&spec.sync_policies[0], &plan.policies[0]);
        let mut out = Vec::new();
        let subject = Subject { spec, policy, planned, owner: &plan.owner, catalog: &catalog };
        let notes = render(subject, "A", &mut out).expect("it is written");
        (String::from_utf8(out).expect("UTF-8"), notes)
    }

    /// Admission refuses it before anything is rendered, and what admission does may change.
    #[test]
    fn what_nothing_can_be_made_of_is_said() {
        let rollout = json!({
            "port": 80, "serviceName": "web", "trafficRoutingProvider": "kubernetes", "workload": {"name": "web"},
            "rolloutPolicy": {},
        });
        let note = ".workload.namespace is missing: nothing of the rollout is rendered";
        assert_eq!(rendered(&rollout), (String::new(), vec![note.to_owned()]));
        let (mut whole, placed) = (rollout, json!({"name": "web", "namespace": "shop"}));
        whole["workload"] = placed;
        let (text, notes) = rendered(&whole);
        assert!(text.starts_with("---\n# A, policy shop-0, rollout: stands on the host\n"), "{text}");
        assert_eq!(notes, [""; 0]);
    }
}
