//! Names that Kurator cut, and that its children keep: another one would be
//! another object, and another Helm release.
//!
//! Kurator cuts what is too long, so that the children of two clusters may be
//! one. A name is kept where that is out of the question: a single object of the
//! plan would be cut to it, and what stands there is this one by its credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Binding, FluxKind, KubeconfigRef, Plan, Target, names};

/// The names that are kept, by those that would be given otherwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Kept(Arc<BTreeMap<String, String>>);

impl Kept {
    /// The name of a policy's child for `target`.
    pub(crate) fn child_name(&self, policy: &str, target: &Target) -> String {
        let name = names::child_name(policy, target);
        self.0.get(&name).cloned().unwrap_or(name)
    }
}

/// An object that Kurator would give another name than the plan does.
struct Cut {
    /// Our name.
    name: String,
    target: Target,
}

/// What Kurator would make of one name.
type Cuts = BTreeMap<(FluxKind, String), Vec<Cut>>;

impl Plan {
    /// The same plan, in which children keep the names that Kurator cut. Asks
    /// `stands` whether the object of a kind and name is the Application's, and
    /// is delivered with those credentials.
    #[must_use]
    pub fn keeping(mut self, stands: impl Fn(FluxKind, &str, Option<&KubeconfigRef>) -> bool) -> Self {
        let mut kept = BTreeMap::new();
        for ((kind, cut), cuts) in self.cuts() {
            let [Cut { name, target }] = &cuts[..] else { continue };
            let kubeconfig = match target {
                Target::Host => None,
                Target::Member(cluster) => cluster.kubeconfig.as_ref(),
            };
            if stands(kind, &cut, kubeconfig) {
                kept.insert(name.clone(), cut);
            }
        }
        if !kept.is_empty() {
            let kept = Kept(Arc::new(kept));
            let templates = self.policies.iter_mut().filter_map(|policy| policy.template.as_mut());
            templates.for_each(|template| template.keep(kept.clone()));
        }
        self
    }

    /// The names that Kurator would cut to, but for those that an object of the
    /// plan has anyway.
    fn cuts(&self) -> Cuts {
        let mut cuts = Cuts::new();
        for (kind, policy, binding) in self.children() {
            if let Some(cut) = names::cut_child_name(policy, &binding.target) {
                let Binding { name, target } = binding;
                cuts.entry((kind, cut)).or_default().push(Cut { name, target });
            }
        }
        if !cuts.is_empty() {
            for (kind, _, binding) in self.children() {
                cuts.remove(&(kind, binding.name));
            }
        }
        cuts
    }

    /// The policies' objects: kind, policy, binding.
    fn children(&self) -> impl Iterator<Item = (FluxKind, &str, Binding)> {
        let templates = self.templates().filter_map(|template| Some((template, template.policy()?)));
        templates.flat_map(|(template, policy)| {
            template.bindings().map(move |binding| (template.kind, policy, binding))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, application, source};
    use serde_json::{Value, json};

    /// Kurator leaves all of it, the kind, and six bytes of the cluster's name.
    const LONG: &str = "a-policy-with-a-name-of-exactly-40-bytes";

    fn policy(name: &str, depends_on: Value) -> Value {
        json!({
            "name": name, "destination": {"fleet": "quickstart"},
            "kustomization": {"interval": "5m", "prune": true, "dependsOn": depends_on},
        })
    }

    fn plan(policies: &[Value], clusters: &[&str]) -> Plan {
        let scenario = clusters.iter().fold(Scenario::new(), |scenario, name| scenario.cluster(name, &[]));
        let spec = json!({"source": source("gitRepository"), "syncPolicies": policies});
        Plan::of(&application(spec), &scenario.fleet("quickstart", clusters).catalog())
    }

    /// The names of the policies' objects, where what stands is of that name and Secret.
    fn kept(policies: &[Value], clusters: &[&str], stands: (&str, &str)) -> Vec<String> {
        let plan = plan(policies, clusters).keeping(|kind, name, kubeconfig| {
            let secret = kubeconfig.map_or("", |kubeconfig| kubeconfig.secret.as_str());
            kind == FluxKind::Kustomization && (name, secret) == stands
        });
        let bindings = plan.templates().skip(1).flat_map(|template| template.bindings().collect::<Vec<_>>());
        bindings.map(|binding| binding.name).collect()
    }

    #[test]
    fn a_name_is_kept_where_what_stands_there_is_ours_alone() {
        let own = |policy: &str, cluster: &str| {
            let cluster = Target::Member(Arc::new(crate::test_fixtures::cluster(cluster, &[])));
            names::child_name(policy, &cluster)
        };
        let cut = format!("{LONG}-attachedcluster-member");
        let one = || vec![policy(LONG, Value::Null)];
        let taken = format!("{cut}-and-more");
        let table = [
            ("ours alone", one(), vec!["member1"], (cut.as_str(), "member1"), vec![cut.clone()]),
            ("nothing stands there", one(), vec!["member1"], ("", ""), vec![own(LONG, "member1")]),
            ("another cluster's", one(), vec!["member1"], (&cut, "member2"), vec![own(LONG, "member1")]),
            (
                "two are cut alike",
                one(),
                vec!["member1", "member2"],
                (&cut, "member2"),
                vec![own(LONG, "member1"), own(LONG, "member2")],
            ),
            ("one is called so", one(), vec!["member", "member1"], (&cut, "member1"), {
                vec![cut.clone(), own(LONG, "member1")]
            }),
            (
                "a short name",
                vec![policy("web", Value::Null)],
                vec!["member1"],
                ("web-attachedcluster-member1", "member1"),
                vec!["web-attachedcluster-member1".to_owned()],
            ),
            ("a longer one", one(), vec!["member1"], (&taken, "member1"), vec![own(LONG, "member1")]),
        ];
        for (what, policies, clusters, stands, expected) in table {
            assert_eq!(kept(&policies, &clusters, stands), expected, "{what}");
        }
    }

    #[test]
    fn what_depends_on_it_names_it_so() {
        let policies = [policy(LONG, Value::Null), policy("web", json!([{ "name": LONG }]))];
        let plan = plan(&policies, &["member1"]).keeping(|_, _, _| true);
        let objects: Vec<Value> = plan
            .objects()
            .map(|(_, object)| serde_json::to_value(object))
            .collect::<Result<_, _>>()
            .expect("objects serialise");
        let cut = format!("{LONG}-attachedcluster-member");
        assert_eq!(objects[1]["metadata"]["name"], cut.as_str());
        assert_eq!(objects[2]["spec"]["dependsOn"], json!([{ "name": cut }]));
    }
}
