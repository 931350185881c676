//! One object, one verdict: the function that admission, `fleetgate check` and
//! the controllers share.
//!
//! ```text
//! object ─▶ early names moved ─▶ gaps filled ─┬─▶ what is to be stored (the patch is the difference)
//!                                             └─▶ schema ─▶ (repaired) ─▶ rules ─▶ findings
//! stored object ─▶ the same, if there are errors ─▶ those that are old become warnings ─┘
//! ```

use std::collections::HashSet;

use fleetgate_api::{Application, AttachedCluster, Fleet};
use fleetgate_plan::Catalog;
use serde_json::Value;

use crate::defaults;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Severity};
use crate::normalise::{has_early_name, normalise};
use crate::ratchet;
use crate::rules::object::{self, UNREADABLE};
use crate::rules::{self, ClusterInput, FleetInput};
use crate::schema::Kind;
use crate::typed::{Typed, typed};

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The object as it is to be stored.
    pub object: Value,
    /// What is to be said about it: errors first, then in the order of the fields.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// The findings of that severity.
    pub fn of_severity(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.severity == severity)
    }

    /// Whether nothing denies the object.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.of_severity(Severity::Error).next().is_none()
    }
}

/// Whether an object of `kind` may be stored as another one than it is, which is
/// quickly seen; what may not is judged, but not changed.
#[must_use]
pub fn may_change(kind: Kind, object: &Value) -> bool {
    kind == Kind::Application && (has_early_name(object) || defaults::may_fill(object))
}

/// Judges an object of `kind`, on an update beside the stored one.
#[must_use]
pub fn judge(kind: Kind, mut object: Value, old: Option<&Value>, catalog: &Catalog) -> Verdict {
    let mut findings = Vec::new();
    if let Some(finding) = object::too_many_policies(kind, &object) {
        return ratcheted(Verdict { object, findings: vec![finding] }, kind, old, catalog);
    }
    if may_change(kind, &object) {
        findings.extend(normalise(&mut object, old));
        defaults::fill(&mut object);
    }
    findings.extend(judge_content(kind, &object, old, catalog));
    ratcheted(Verdict { object, findings }, kind, old, catalog)
}

/// The verdict of an object beside the stored one: what was there before denies nothing.
fn ratcheted(mut verdict: Verdict, kind: Kind, old: Option<&Value>, catalog: &Catalog) -> Verdict {
    if let Some(old) = old.filter(|_| !verdict.is_admitted()) {
        ratchet::soften(&mut verdict, &judge(kind, old.clone(), None, catalog));
    }
    verdict.findings.sort_by_key(|finding| finding.severity);
    verdict
}

/// With more faults of its schema than that an object is of another shape
/// altogether: what else is wrong with it is not looked for, nor are they all listed.
const HOPELESS: usize = 1_000;

fn judge_content(kind: Kind, object: &Value, old: Option<&Value>, catalog: &Catalog) -> Vec<Finding> {
    let schema = kind.schema();
    let mut object = schema.prepared(object);
    let metadata = object::check_metadata(&object);
    let faults = schema.faults(&object);
    if faults.len() > HOPELESS {
        return faults.into_iter().take(HOPELESS).map(|fault| fault.finding(&UNREADABLE)).collect();
    }
    let mut repaired = HashSet::new();
    if !faults.is_empty() {
        repaired.extend(schema.repair(object.to_mut(), &faults));
    }
    let mut findings: Vec<Finding> = faults.into_iter().map(|fault| fault.finding(&UNREADABLE)).collect();
    let said = match said_by_rules(kind, &object, old, catalog) {
        Ok(said) => said,
        // The schema and the types are one source, so that this is out of the ordinary.
        Err(error) => vec![unreadable(&error)],
    };
    let said = metadata.into_iter().chain(said);
    // What a rule says of a place that was repaired it says of the placeholder.
    let of_the_user = said.filter(|finding| !finding.path.is_within_any(&repaired));
    let said: Vec<Finding> = of_the_user.collect();
    // Where a rule and the schema speak of one field, the rule says it better.
    let spoken: HashSet<&FieldPath> = said
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| &finding.path)
        .collect();
    findings.retain(|fault| !spoken.contains(&fault.path));
    findings.extend(said);
    findings
}

fn said_by_rules(
    kind: Kind,
    object: &Value,
    old: Option<&Value>,
    catalog: &Catalog,
) -> serde_json::Result<Vec<Finding>> {
    Ok(match kind {
        Kind::Application => {
            let application = typed::<Application>(object)?;
            let old = stored(kind, old);
            rules::check(&application, old.as_ref(), catalog)
        }
        Kind::Fleet => {
            let fleet = typed::<Fleet>(object)?;
            let old = stored(kind, old);
            rules::check_fleet(FleetInput { fleet: &fleet, old: old.as_ref(), catalog })
        }
        Kind::AttachedCluster => {
            let cluster = typed::<AttachedCluster>(object)?;
            let old = stored(kind, old);
            rules::check_cluster(ClusterInput { cluster: &cluster, old: old.as_ref(), catalog })
        }
    })
}

/// What is stored, with today's defaults, as the new object has them; what
/// cannot be read is nothing to compare with.
fn stored<T: Typed>(kind: Kind, old: Option<&Value>) -> Option<T> {
    typed(&kind.schema().prepared(old?)).ok()
}

fn unreadable(error: &serde_json::Error) -> Finding {
    Finding::error(
        &UNREADABLE,
        FieldPath::root(),
        Fault::Invalid,
        format!("cannot be read as its kind: {error}"),
    )
}

#[cfg(test)]
mod tests;
