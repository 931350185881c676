//! What the administrator of an installation says for all of it.

use serde_json::{Map, Value, json};

use super::Catalog;
use crate::prune::Guard;

/// The field by which a Flux object names the ServiceAccount that Flux acts as.
const SERVICE_ACCOUNT: &str = "serviceAccountName";

/// How far tenants may reach, as its administrator says it for a whole
/// installation. Without a word: as far as their objects say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tenancy {
    /// Whether references out of an Application's namespace are refused.
    pub no_cross_namespace_refs: bool,
    /// Whether deliveries to the host cluster are refused.
    pub no_host_destination: bool,
    /// The ServiceAccount that Flux acts as where a policy names none.
    pub default_service_account: Option<String>,
}

impl Tenancy {
    /// Has Flux act as the default ServiceAccount by a spec that names none. To
    /// Flux, an empty name is none.
    pub(crate) fn fill(&self, spec: &mut Map<String, Value>) {
        let named = spec.get(SERVICE_ACCOUNT).and_then(Value::as_str).unwrap_or_default();
        if let Some(account) = self.default_service_account.as_ref().filter(|_| named.is_empty()) {
            spec.insert(SERVICE_ACCOUNT.to_owned(), json!(account));
        }
    }
}

impl Catalog {
    /// The same Catalog, where tenants may reach that far.
    #[must_use]
    pub fn with_tenancy(self, tenancy: Tenancy) -> Self {
        Self { tenancy, ..self }
    }

    /// How far tenants may reach.
    #[must_use]
    pub const fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// An empty Catalog of the same installation.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self::default().with_tenancy(self.tenancy.clone()).with_guard(self.guard)
    }

    /// The same Catalog, where no more than that may go at once by nobody's decision.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// How much may go at once by nobody's decision.
    #[must_use]
    pub const fn guard(&self) -> Guard {
        self.guard
    }
}

#[cfg(test)]
mod tests {
    use super::Tenancy;
    use crate::test_fixtures::{rendered, source, two_clusters};
    use serde_json::{Value, json};

    /// The accounts of a source and of a policy on the host and on both clusters.
    fn accounts(own: &Value, tenancy: Tenancy) -> [Vec<Value>; 2] {
        let body = |extra: Value| {
            let mut body = json!({"interval": "5m", "serviceAccountName": own});
            body.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
            body
        };
        let kustomization = json!({"kustomization": body(json!({"prune": true}))});
        let helm = json!({"helm": body(json!({"chart": {"spec": {"chart": "c"}}}))});
        let catalog = two_clusters().with_tenancy(tenancy);
        [json!(null), json!({"fleet": "quickstart"})].map(|destination| {
            let policies = json!([kustomization, helm]);
            let spec = json!({"source": source("gitRepository"), "destination": destination, "syncPolicies": policies});
            let objects = rendered(spec, &catalog);
            objects.iter().map(|object| object["spec"]["serviceAccountName"].clone()).collect()
        })
    }

    #[test]
    fn who_names_no_account_gets_the_default_one() {
        let default = || Tenancy { default_service_account: Some("tenant".to_owned()), ..Tenancy::default() };
        let table = [
            (json!(null), default(), json!("tenant")),
            (json!(""), default(), json!("tenant")),
            (json!("deployer"), default(), json!("deployer")),
            (json!(null), Tenancy::default(), json!(null)),
        ];
        for (own, tenancy, expected) in table {
            let [host, members] = accounts(&own, tenancy);
            // A source is fetched by its own credentials.
            assert_eq!(host, [json!(null), expected.clone(), expected.clone()], "{own}");
            assert_eq!((members.len(), &members[0]), (5, &json!(null)));
            assert!(members[1..].iter().all(|account| *account == expected), "{own} {members:?}");
        }
    }
}
