//! What the plan asks for and the children do not have yet. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleetgate_api::ConditionReason;
use fleetgate_api::names::ANNOTATION_APPLIED;
use fleetgate_plan::{FluxKind, Plan, RenderedKind, Template, names};
use kube::ResourceExt;
use kube::api::DynamicObject;

use super::children::{Child, Children};
use crate::controllers::conditions::Summary;

/// Hexadecimal digits of the digest in an object's annotation.
const DIGEST_DIGITS: usize = 32;

/// What is to be done for one of the plan's objects.
#[derive(Debug)]
pub(super) enum Step {
    /// It is there as it should be, or is made again once what goes is gone;
    /// that comes as an event.
    Nothing,
    Create(Wanted),
    Update(Wanted, Arc<Child>),
    Blocked(Blocked),
}

/// An object as it should be.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) kind: FluxKind,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The policy that it delivers; none for the source.
    pub(super) policy: Option<String>,
    /// What tells two rendered objects apart.
    pub(super) digest: String,
    pub(super) object: DynamicObject,
}

/// An object that is not written, and why.
#[derive(Debug)]
pub(super) struct Blocked {
    pub(super) policy: Option<String>,
    pub(super) why: Summary,
}

/// What is to be done, one object at a time: those of many clusters are more
/// than there need be at once.
pub(super) fn difference<'a>(plan: &'a Plan, children: &'a Children) -> impl Iterator<Item = Step> + 'a {
    let mut seen = BTreeSet::new();
    let bindings =
        plan.writable().flat_map(|template| template.bindings().map(move |binding| (template, binding)));
    bindings.map(move |(template, binding)| {
        // Another one of that name is not written: they would be in turn, for
        // ever. Admission refuses such names (`policy/name`).
        if !seen.insert((template.kind, binding.name.clone())) {
            return blocked(template, made_twice(template.kind, &binding.name));
        }
        if children.is_missing(template.kind) {
            return blocked(template, not_installed(template.kind));
        }
        step(Wanted::new(template, template.render(&binding, &plan.owner)), plan, children)
    })
}

fn step(wanted: Wanted, plan: &Plan, children: &Children) -> Step {
    match children.get(wanted.kind, &wanted.namespace, &wanted.name) {
        None => Step::Create(wanted),
        Some(child) if !child.is_owned_by(plan.owner.uid.as_deref()) => {
            let why = foreign(wanted.kind, &wanted.name);
            Step::Blocked(Blocked { policy: wanted.policy, why })
        }
        Some(child) if child.facts.is_going || child.has(&wanted.object, &wanted.digest) => Step::Nothing,
        Some(child) => Step::Update(wanted, child),
    }
}

impl Wanted {
    fn new(template: &Template, mut object: DynamicObject) -> Self {
        let digest = names::digest(&serde_json::to_vec(&object).unwrap_or_default(), DIGEST_DIGITS);
        object.annotations_mut().insert(ANNOTATION_APPLIED.to_owned(), digest.clone());
        Self {
            kind: template.kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            policy: template.policy().map(str::to_owned),
            digest,
            object,
        }
    }
}

fn blocked(template: &Template, why: Summary) -> Step {
    Step::Blocked(Blocked { policy: template.policy().map(str::to_owned), why })
}

fn made_twice(kind: FluxKind, name: &str) -> Summary {
    let message = format!("two policies make a {} {name:?}: rename one of them", kind.kind());
    Summary::new(ConditionReason::Conflict, message)
}

fn not_installed(kind: FluxKind) -> Summary {
    let crd = RenderedKind::Flux(kind).crd_name();
    let message = format!("Flux's {crd} are not installed on the host");
    Summary::new(ConditionReason::ApplyFailed, message)
}

/// What is said of an object that stands where one of ours should.
pub(super) fn foreign(kind: FluxKind, name: &str) -> Summary {
    let message = format!(
        "{} {name:?} exists and belongs to someone else: rename the policy or the Application, or delete that object",
        kind.kind()
    );
    Summary::new(ConditionReason::Conflict, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::Application;
    use fleetgate_plan::Catalog;
    use serde_json::{Value, json};

    type Change = fn(&mut Value);

    /// An Application on the host, with a policy for each of these names.
    fn plan(policies: &[&str]) -> Plan {
        let policy = |name: &&str| json!({"name": name, "kustomization": {"interval": "5m", "prune": true}});
        let application: Application = serde_json::from_value(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "default", "uid": "u1"},
            "spec": {
                "source": {"gitRepository": {"url": "https://e.com/r", "interval": "5m"}},
                "syncPolicies": policies.iter().map(policy).collect::<Vec<_>>(),
            },
        }))
        .expect("an Application");
        Plan::of(&application, &Catalog::default())
    }

    /// What there is once everything that the plan asks for was written, each
    /// changed by `change` meanwhile.
    fn written(plan: &Plan, change: impl Fn(&mut Value)) -> Children {
        let children = Children::default();
        for step in difference(plan, &children) {
            let Step::Create(wanted) = step else { panic!("{step:?}") };
            let mut object = serde_json::to_value(&wanted.object).expect("JSON");
            object["metadata"]["uid"] = json!("c1");
            object["metadata"]["resourceVersion"] = json!("7");
            change(&mut object);
            let object = serde_json::from_value(object).expect("an object");
            children.answered(Some(Child::of(wanted.kind, &object)));
        }
        children
    }

    fn steps(plan: &Plan, children: &Children) -> Vec<String> {
        let said = difference(plan, children).map(|step| match step {
            Step::Nothing => "nothing".to_owned(),
            Step::Create(wanted) => format!("create {}", wanted.name),
            Step::Update(wanted, child) => format!("update {} of {}", wanted.name, child.uid),
            Step::Blocked(Blocked { why, .. }) => format!("{} {}", why.reason, why.message),
        });
        said.collect()
    }

    #[test]
    fn what_is_not_there_is_created_and_what_is_there_is_left_alone() {
        let plan = plan(&["web"]);
        assert_eq!(
            steps(&plan, &Children::default()),
            ["create shop", "create web-currentcluster-host"],
            "the source first"
        );
        assert_eq!(steps(&plan, &written(&plan, |_| {})), ["nothing", "nothing"]);
        let one_more = self::plan(&["web", "api"]);
        assert_eq!(
            steps(&one_more, &written(&plan, |_| {})),
            ["nothing", "nothing", "create api-currentcluster-host"]
        );
    }

    #[test]
    fn only_what_differs_in_what_is_ours_is_updated() {
        let update = ["update shop of c1", "update web-currentcluster-host of c1"];
        let foreign = [
            "Conflict GitRepository \"shop\" exists and belongs to someone else: rename the policy or the Application, or delete \
             that object",
            "Conflict Kustomization \"web-currentcluster-host\" exists and belongs to someone else: rename the policy or the \
             Application, or delete that object",
        ];
        let nothing = ["nothing", "nothing"];
        let table: [(&str, Change, [&str; 2]); 8] = [
            ("a default", |object| object["spec"]["timeout"] = json!("1m"), nothing),
            ("a status", |object| object["status"] = json!({"observedGeneration": 1}), nothing),
            ("drift", |object| object["spec"]["interval"] = json!("9m"), update),
            ("an earlier plan", |object| object["metadata"]["annotations"] = json!({}), update),
            (
                "it is going",
                |object| object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"),
                nothing,
            ),
            (
                "someone else's",
                |object| object["metadata"]["ownerReferences"][0]["uid"] = json!("u2"),
                foreign,
            ),
            ("nobody's", |object| object["metadata"]["ownerReferences"] = json!([]), foreign),
            (
                "as Kurator writes it",
                |object| {
                    object["metadata"]["ownerReferences"][0]["controller"] = json!(null);
                    object["metadata"]["annotations"] = json!(null);
                },
                update,
            ),
        ];
        let plan = plan(&["web"]);
        for (what, change, expected) in table {
            assert_eq!(steps(&plan, &written(&plan, change)), expected, "{what}");
        }
    }

    #[test]
    fn of_two_that_make_one_name_only_the_first_is_written() {
        assert_eq!(
            steps(&plan(&["web", "web"]), &Children::default()),
            [
                "create shop",
                "create web-currentcluster-host",
                "Conflict two policies make a Kustomization \"web-currentcluster-host\": rename one of them",
            ]
        );
    }
}
