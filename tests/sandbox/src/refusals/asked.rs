//! What was asked for and refused, as an API server words it; and whether the product's own roles give it. Pure.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

/// What an API server refused to a service account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    account: String,
    verb: String,
    group: String,
    resource: String,
    name: Option<String>,
    namespace: Option<String>,
}

impl Asked {
    /// What a line tells of, if it tells of that.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" is forbidden: User \"system:serviceaccount:")?;
        let (account, after) = after.split_once("\" cannot ")?;
        let (verb, after) = after.split_once(" resource \"")?;
        let (resource, after) = after.split_once("\" in API group \"")?;
        let (group, after) = after.split_once('"')?;
        let namespace = after.strip_prefix(" in the namespace \"").and_then(|rest| rest.split_once('"'));
        let name = before.strip_suffix('"').and_then(|before| before.rsplit_once('"'));
        Some(Self {
            account: account.to_owned(),
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: name.map(|(_, name)| name.to_owned()),
            namespace: namespace.map(|(namespace, _)| namespace.to_owned()),
        })
    }

    /// Whether the roles among the objects give it by the bindings among them.
    pub(super) fn is_given(&self, objects: &[DynamicObject]) -> bool {
        objects.iter().filter(|binding| self.is_bound(binding)).any(|binding| {
            let Some(wanted) = binding.data.get("roleRef") else { return false };
            let role = objects
                .iter()
                .find(|role| wanted["kind"] == kind(role) && wanted["name"] == role.name_any().as_str());
            let rules = role.and_then(|role| role.data.get("rules")?.as_array());
            rules.is_some_and(|rules| rules.iter().any(|rule| self.is_given_by(rule)))
        })
    }

    fn is_bound(&self, binding: &DynamicObject) -> bool {
        let is_here = match kind(binding) {
            "ClusterRoleBinding" => true,
            "RoleBinding" => binding.namespace() == self.namespace,
            _ => false,
        };
        let subjects = binding.data.get("subjects").and_then(Value::as_array);
        is_here && subjects.is_some_and(|subjects| subjects.iter().any(|subject| self.is(subject)))
    }

    fn is(&self, subject: &Value) -> bool {
        let part = |field: &str| subject[field].as_str().unwrap_or_default();
        format!("{}:{}", part("namespace"), part("name")) == self.account
    }

    fn is_given_by(&self, rule: &Value) -> bool {
        let has = |field: &str, wanted: &str| {
            let values = rule[field].as_array();
            values.is_some_and(|values| values.iter().any(|value| value == wanted || value == "*"))
        };
        let is_any = rule["resourceNames"].as_array().is_none_or(Vec::is_empty);
        let is_named = is_any || self.name.as_deref().is_some_and(|name| has("resourceNames", name));
        has("apiGroups", &self.group)
            && has("resources", &self.resource)
            && has("verbs", &self.verb)
            && is_named
    }
}

fn kind(object: &DynamicObject) -> &str {
    object.types.as_ref().map_or("", |types| &types.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests;
    use crate::workdir::repository_root;

    fn line(what: &str, account: &str, cannot: &str) -> String {
        format!(
            "WARN the watch is broken error={what} is forbidden: User \"system:serviceaccount:fleetgate-system:{account}\" \
             cannot {cannot}: Forbidden"
        )
    }

    #[test]
    fn what_the_products_roles_give() {
        let mut roles = manifests::read(&repository_root().join("manifests/rbac.yaml")).unwrap();
        roles.extend(manifests::read(&repository_root().join("manifests/certificates.yaml")).unwrap());
        let ours = "secrets \"fleetgate-webhook-certificate\"";
        let theirs = "secrets \"another\"";
        let secret = "watch resource \"secrets\" in API group \"\" in the namespace \"fleetgate-system\"";
        let elsewhere = "watch resource \"secrets\" in API group \"\" in the namespace \"default\"";
        let fleets = "watch resource \"fleets\" in API group \"fleet.kurator.dev\" at the cluster scope";
        let table = [
            (ours, "fleetgate-webhook", secret, true),
            (theirs, "fleetgate-webhook", secret, false),
            (ours, "fleetgate-webhook", elsewhere, false),
            (ours, "somebody", secret, false),
            ("fleets", "fleetgate-webhook", fleets, true),
            ("fleets", "fleetgate-controller", fleets, true),
        ];
        for (what, account, cannot, expected) in table {
            let asked = Asked::read(&line(what, account, cannot)).unwrap();
            assert_eq!(asked.is_given(&roles), expected, "{asked:?}");
        }
    }

    #[test]
    fn what_is_forbidden_for_another_reason_is_nobodys_right() {
        assert_eq!(Asked::read("pods \"a\" is forbidden: violates PodSecurity"), None);
    }
}
