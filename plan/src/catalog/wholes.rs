//! What each Fleet means as a whole, worked out once for each snapshot.
//!
//! Most destinations have no selector. Thousands of Applications then go to the
//! same clusters, and a review of one should not cost more where the Fleet is
//! large.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Catalog, Change, FleetEntry, ObjectKey};
use crate::{Resolution, Target};

/// The Fleets that were asked for so far. It says nothing that the snapshot
/// does not, so that any two are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Wholes(Arc<Mutex<BTreeMap<ObjectKey, Arc<Resolution>>>>);

impl PartialEq for Wholes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Wholes {
    /// Begins anew where the snapshot has changed; those who hold the old one
    /// keep what they know.
    pub(super) fn forget(&mut self, change: Option<Change>) -> Option<Change> {
        if change.is_some() {
            *self = Self::default();
        }
        change
    }
}

impl Catalog {
    /// What a destination of that Fleet without a selector means.
    #[must_use]
    pub fn whole(&self, fleet: &FleetEntry) -> Arc<Resolution> {
        let mut known = self.wholes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(whole) = known.get(&fleet.key) {
            return Arc::clone(whole);
        }
        let members = self.members(fleet);
        let faults = fleet.faults.iter().map(|fault| format!("Fleet {:?}, {fault}", fleet.key.name));
        let whole = Arc::new(Resolution {
            targets: members.clusters.into_iter().map(Target::Member).collect(),
            missing_fleet: None,
            missing_clusters: members.missing,
            faults: faults.collect(),
        });
        known.insert(fleet.key.clone(), Arc::clone(&whole));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{Scenario, cluster, names};

    #[test]
    fn a_fleet_is_resolved_once_for_each_snapshot() {
        let mut catalog = Scenario::new().cluster("m1", &[]).fleet("quickstart", &["m1", "m2"]).catalog();
        let whole =
            |catalog: &Catalog| catalog.whole(catalog.fleet("default", "quickstart").expect("the Fleet"));
        let held = catalog.clone();
        assert!(Arc::ptr_eq(&whole(&held), &whole(&catalog)));
        assert!(catalog.insert_cluster(cluster("m2", &[])).is_some());
        assert_eq!(names(&whole(&catalog).targets), ["m1", "m2"]);
        assert_eq!(names(&whole(&held).targets), ["m1"]);
        assert!(catalog.insert_cluster(cluster("m2", &[])).is_none());
        assert!(Arc::ptr_eq(&whole(&catalog), &whole(&catalog.clone())));
    }
}
