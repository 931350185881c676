//! How long the watches have been behind the API server: a moment is nothing,
//! but what they never tell of keeps what should go.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetgate_api::{Application, ConditionReason};
use fleetgate_plan::{Plan, PolicyPlan, Resolution, Target};
use kube::ResourceExt;

use crate::controllers::application::summary::listed;
use crate::controllers::conditions::Summary;

/// What differs for longer does not because the watches are late.
const LATE: Duration = Duration::from_secs(5);

/// Since when the API server says something else of Applications, each by its uid.
#[derive(Debug, Default)]
pub(super) struct Lateness(Mutex<HashMap<String, Instant>>);

impl Lateness {
    /// The API server says something else: whether it has for no longer than
    /// watches may be late.
    pub(super) fn may_be(&self, application: &Application, now: Instant) -> bool {
        let since = *self.since().entry(application.uid().unwrap_or_default()).or_insert(now);
        now.saturating_duration_since(since) < LATE
    }

    /// The API server says the same, or is not asked any more.
    pub(super) fn forget(&self, application: &impl ResourceExt) {
        self.since().remove(&application.uid().unwrap_or_default());
    }

    /// Whoever panics under the lock leaves a map behind, and not half of one.
    fn since(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said where the API server's plan, if it still has the Application of
/// the other one, is `now`.
pub(super) fn said(watched: &Plan, now: Option<&Plan>) -> Summary {
    let what = match now {
        None => "has another version of this Application".to_owned(),
        Some(now) => different(watched, now),
    };
    let message = format!(
        "nothing is removed: the API server {what} than what is watched; the controller's log names objects that \
         cannot be read, and watches that are broken"
    );
    Summary::new(ConditionReason::ApplyFailed, message)
}

/// What the API server has otherwise.
fn different(watched: &Plan, now: &Plan) -> String {
    let both = watched.policies.iter().zip(&now.policies);
    let of_policies = both.filter_map(|(watched, now): (&PolicyPlan, &PolicyPlan)| {
        let (before, after) = (whither(&watched.resolution), whither(&now.resolution));
        (before != after).then(|| format!("policy {:?} goes to {after} instead of {before}", watched.name))
    });
    let of_policies: Vec<String> = of_policies.collect();
    if of_policies.is_empty() {
        "has other Fleets or clusters".to_owned()
    } else {
        format!("has other Fleets or clusters ({})", listed(&of_policies))
    }
}

/// Where a policy goes, in words.
fn whither(resolution: &Resolution) -> String {
    let names: Vec<String> = resolution.targets.iter().map(Target::name).map(str::to_owned).collect();
    match &resolution.missing_fleet {
        Some(fleet) => format!("no cluster, since there is no Fleet {fleet:?}"),
        None if names.is_empty() => "no cluster".to_owned(),
        None => listed(&names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleetgate_api::{AttachedCluster, Fleet};
    use fleetgate_plan::{Catalog, Cluster};
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn object<T: DeserializeOwned>(api_version: &str, kind: &str, name: &str, spec: &Value) -> T {
        let metadata = json!({"name": name, "namespace": "default", "uid": name});
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec});
        serde_json::from_value(object).expect("an object")
    }

    fn application() -> Application {
        let spec =
            json!({"source": {}, "destination": {"fleet": "quickstart"}, "syncPolicies": [{"name": "web"}]});
        object("apps.kurator.dev/v1alpha1", "Application", "shop", &spec)
    }

    /// Its plan with a Fleet of these clusters; `None` is no Fleet.
    fn plan(clusters: Option<&[&str]>) -> Plan {
        let mut catalog = Catalog::default();
        if let Some(names) = clusters {
            let listed: Vec<Value> =
                names.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
            let spec = json!({ "clusters": listed });
            let fleet: Fleet = object("fleet.kurator.dev/v1alpha1", "Fleet", "quickstart", &spec);
            catalog.insert_fleet(&fleet);
            for name in names {
                let spec = json!({"kubeconfig": {"name": name}});
                let cluster: AttachedCluster =
                    object("cluster.kurator.dev/v1alpha1", "AttachedCluster", name, &spec);
                catalog.insert_cluster(Cluster::from(&cluster));
            }
        }
        Plan::of(&application(), &catalog)
    }

    #[test]
    fn what_differs_for_long_is_said() {
        let (lateness, start, application) = (Lateness::default(), Instant::now(), application());
        assert!(lateness.may_be(&application, start));
        assert!(lateness.may_be(&application, start + LATE / 2));
        assert!(!lateness.may_be(&application, start + LATE));
        assert!(!lateness.may_be(&application, start + LATE * 2), "and goes on to be said");
        lateness.forget(&application);
        assert!(lateness.may_be(&application, start + LATE * 3), "it was the same in between");
    }

    #[test]
    fn what_is_different_is_named() {
        let watched = plan(Some(&["m1", "m2"]));
        let table = [
            (
                Some(plan(Some(&["m2"]))),
                "has other Fleets or clusters (policy \"web\" goes to m2 instead of m1, m2) than",
            ),
            (
                Some(plan(None)),
                "has other Fleets or clusters (policy \"web\" goes to no cluster, since there is no Fleet \"quickstart\" \
                 instead of m1, m2) than",
            ),
            (Some(plan(Some(&["m1", "m2"]))), "has other Fleets or clusters than"),
            (None, "has another version of this Application than"),
        ];
        for (now, expected) in table {
            let message = said(&watched, now.as_ref()).message;
            let expected = format!("nothing is removed: the API server {expected} what is watched; ");
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn of_those_that_go_nothing_is_kept() {
        let lateness = Lateness::default();
        for number in 0..1_000 {
            let mut going = application();
            going.metadata.uid = Some(number.to_string());
            assert!(lateness.may_be(&going, Instant::now()));
            lateness.forget(&going);
        }
        assert_eq!(lateness.since().len(), 0);
    }
}
