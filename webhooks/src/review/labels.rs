//! The answer to an update that leaves the spec alone.

use fleetgate_plan::Catalog;
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Endpoint, Outcome, Request, Reviewed, allowed, warnings};
use crate::finding::{Finding, Findings};
use crate::judge::Verdict;
use crate::rules::{self, ClusterInput};
use crate::schema::Kind;

/// It is never denied, and never patched; but other labels of a cluster may
/// take much away.
pub(super) fn review(request: &Request, kind: Kind, catalog: &Catalog, endpoint: Endpoint) -> Reviewed {
    let (mut response, mut account) = (allowed(&request.uid), Account::new(Outcome::Allowed));
    if kind == Kind::AttachedCluster && endpoint == Endpoint::Validating {
        let findings = findings(&request.object, &request.old_object, catalog);
        let verdict = Verdict { object: Value::Null, findings };
        response.warnings = warnings(&verdict, |_| true);
        account = account.found(&verdict.findings);
    }
    Reviewed { response: response.into_review(), account, awaits: None }
}

fn findings(object: &Value, old: &Value, catalog: &Catalog) -> Vec<Finding> {
    let (Ok(cluster), Ok(old)) = (Deserialize::deserialize(object), Deserialize::deserialize(old)) else {
        return Vec::new();
    };
    let mut findings = Findings::default();
    rules::cluster::labels::check(
        ClusterInput { cluster: &cluster, old: Some(&old), catalog },
        &mut findings,
    );
    findings.into_vec()
}
