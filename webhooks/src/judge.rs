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
use crate::finding::{Fault, Finding, Findings, MOST_KEPT, Severity};
use crate::normalise::{has_early_name, normalise};
use crate::ratchet;
use crate::rules::object::{self, UNREADABLE};
use crate::rules::{self, ClusterInput, FleetInput};
use crate::schema::Kind;
use crate::typed::{Typed, typed, with_held};

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

/// Judges an object that is asked for, as [`judge`] does, unless it holds too much to be looked at.
#[must_use]
pub fn judge_asked(kind: Kind, object: Value, old: Option<&Value>, catalog: &Catalog) -> Verdict {
    match object::too_many_values(kind, &object, old) {
        Some(finding) => Verdict { object, findings: vec![finding] },
        None => judge(kind, object, old, catalog),
    }
}

/// Judges an object of `kind`, on an update beside the stored one.
#[must_use]
pub fn judge(kind: Kind, mut object: Value, old: Option<&Value>, catalog: &Catalog) -> Verdict {
    let mut findings = Findings::default();
    let excess = object::excess(kind, &object);
    if excess.count() > 0 {
        findings.append(excess);
    } else {
        if may_change(kind, &object) {
            findings.append(normalise(&mut object, old));
            defaults::fill(&mut object);
        }
        // Of a stored object that is too much as well, nothing is compared with it.
        let known = old.filter(|old| object::excess(kind, old).count() == 0);
        findings.append(judge_content(kind, &object, known, catalog));
    }
    // Of errors that were not kept it is not known whether they are old.
    let is_known = !findings.has_more_errors();
    let mut verdict = Verdict { object, findings: findings.into_vec() };
    if is_known {
        excuse(&mut verdict, kind, old, catalog);
    }
    verdict.findings.sort_by_key(|finding| finding.severity);
    verdict
}

/// What was there before, in the stored object, denies nothing.
fn excuse(verdict: &mut Verdict, kind: Kind, old: Option<&Value>, catalog: &Catalog) {
    if let Some(old) = old.filter(|_| !verdict.is_admitted()) {
        ratchet::soften(kind, verdict, &judge(kind, old.clone(), None, catalog));
    }
}

fn judge_content(kind: Kind, object: &Value, old: Option<&Value>, catalog: &Catalog) -> Findings {
    let schema = kind.schema();
    let mut object = schema.prepared(object);
    let mut findings = Findings::default();
    let faults = schema.faults(&object);
    // It is of another shape altogether: what else is wrong with it is not looked for.
    if faults.len() > MOST_KEPT {
        findings.extend(faults.into_iter().map(|fault| fault.finding(&UNREADABLE)));
        return findings;
    }
    let mut repaired = HashSet::new();
    if !faults.is_empty() {
        repaired.extend(schema.repair(object.to_mut(), &faults));
    }
    let mut said = Findings::default();
    object::check_metadata(&object, &mut said);
    if let Err(error) = ask_rules(kind, &object, old, catalog, &mut said) {
        // The schema and the types are one source, so that this is out of the ordinary.
        said.push(unreadable(&error));
    }
    // What a rule says of a place that was repaired it says of the placeholder.
    said.retain(|finding| !finding.path.is_within_any(&repaired));
    // Where a rule and the schema speak of one field, the rule says it better.
    let spoken: HashSet<&FieldPath> = said
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| &finding.path)
        .collect();
    let left = faults.into_iter().filter(|fault| !spoken.contains(&fault.path));
    findings.extend(left.map(|fault| fault.finding(&UNREADABLE)));
    findings.append(said);
    findings
}

fn ask_rules(
    kind: Kind,
    object: &Value,
    old: Option<&Value>,
    catalog: &Catalog,
    findings: &mut Findings,
) -> serde_json::Result<()> {
    match kind {
        Kind::Application => {
            let application = typed::<Application>(object)?;
            let old = old.and_then(|old| Some(with_held(stored(kind, Some(old))?, old)));
            rules::check(&application, old.as_ref(), catalog, findings);
        }
        Kind::Fleet => {
            let fleet = typed::<Fleet>(object)?;
            let old = stored(kind, old);
            rules::check_fleet(FleetInput { fleet: &fleet, old: old.as_ref(), catalog }, findings);
        }
        Kind::AttachedCluster => {
            let cluster = typed::<AttachedCluster>(object)?;
            let old = stored(kind, old);
            rules::check_cluster(ClusterInput { cluster: &cluster, old: old.as_ref(), catalog }, findings);
        }
    }
    Ok(())
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
