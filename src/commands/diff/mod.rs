//! `fleetgate diff`: what `kubectl apply` of some files would bring about, and where.
//!
//! ```text
//! cluster ─▶ Catalog ─┬─▶ judge ─▶ what would be refused
//! files ──────────────┴─▶ Plan, before and after ─▶ compare with the Flux objects ─▶ text
//! ```
//!
//! **Invariant**: the verdict is admission's, what is planned is what the
//! controllers would plan, and what goes is what they would prune.

mod compare;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::Context as _;
use fleetgate_api::Application;
use fleetgate_plan::{Catalog, Plan, prune};
use fleetgate_webhooks::Kind;
use kube::core::DeserializeGuard;
use kube::{Client, ResourceExt};
use serde::Serialize;
use serde_json::Value;

use self::compare::{Difference, compare};
use super::connect::connect;
use crate::cli::DiffOptions;
use crate::stored::{Child, Scope, Stored, all_children, insert_crds, keeping_names};
use fleetgate_check::{Object, Objects, objects, verdict};

/// What a comparison comes to, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing would change.
    Same = 0,
    /// Something would.
    Differs = 1,
    /// An object would be refused, or could not be read, so that nothing was compared.
    Refused = 2,
}

/// Compares the files that are asked for with the cluster: the differences go
/// to `out`, and what admission would say to `notes`.
///
/// # Errors
///
/// When the cluster cannot be asked, or `out` or `notes` not be written to.
pub(crate) async fn run(
    options: DiffOptions,
    coloured: bool,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let connection = connect(&options.client).await?;
    let wanted = objects(&options.files, &connection.namespace);
    for line in &wanted.unreadable {
        writeln!(notes, "{line}")?;
    }
    if !wanted.unreadable.is_empty() {
        return Ok(Outcome::Refused);
    }
    let empty = Catalog::default().with_tenancy(options.tenancy.into()).with_guard(options.guard.into());
    let mut judged = Vec::new();
    for (namespace, objects) in by_namespace(wanted.objects) {
        let live = Live::read(&connection.client, namespace, empty.clone()).await?;
        judged.push(judge(live, objects, notes)?);
    }
    let Some(judged) = judged.into_iter().collect::<Option<Vec<Judged>>>() else {
        return Ok(Outcome::Refused);
    };
    let differences: Vec<(String, Vec<Difference>)> = judged.iter().flat_map(Judged::differences).collect();
    for (application, differences) in &differences {
        out.write_all(text::text(application, differences, coloured)?.as_bytes())?;
        writeln!(out)?;
    }
    let all = || differences.iter().flat_map(|(_, differences)| differences);
    let is_change = |difference: &Difference| !difference.change.keeps();
    if !all().any(is_change) {
        return Ok(Outcome::Same);
    }
    out.write_all(text::summary(all()).as_bytes())?;
    out.flush()?;
    Ok(Outcome::Differs)
}

/// What stands in one namespace is decided there.
fn by_namespace(objects: Vec<Object>) -> BTreeMap<String, Objects> {
    let mut by_namespace: BTreeMap<String, Objects> = BTreeMap::new();
    for object in objects {
        let namespace = text_at(&object.value, "/metadata/namespace").to_owned();
        by_namespace.entry(namespace).or_default().objects.push(object);
    }
    by_namespace
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A namespace as it is.
struct Live {
    stored: Stored,
    children: Vec<Child>,
    catalog: Catalog,
}

impl Live {
    async fn read(client: &Client, namespace: String, empty: Catalog) -> anyhow::Result<Self> {
        let scope = Scope { namespace: Some(namespace), application: None };
        let stored = Stored::read(client, &scope).await?;
        let mut catalog = stored.in_catalog(empty);
        // Who may not read CRDs has the bundled ones.
        if let Err(error) = insert_crds(client, &mut catalog).await {
            tracing::warn!("rendered objects are judged by the schemas of this version: {error:#}");
        }
        Ok(Self { children: all_children(client, &scope).await?, stored, catalog })
    }

    /// The object of that kind and name.
    fn find(&self, object: &Object) -> anyhow::Result<Option<Value>> {
        let name = text_at(&object.value, "/metadata/name");
        match object.kind {
            Kind::Application => value(&self.stored.applications, name),
            Kind::Fleet => value(&self.stored.fleets, name),
            Kind::AttachedCluster => value(&self.stored.clusters, name),
        }
    }

    /// The Applications that can be read, by their names.
    fn applications(&self) -> BTreeMap<String, &Application> {
        let readable = self.stored.applications.iter().filter_map(|application| application.0.as_ref().ok());
        readable.map(|application| (application.name_any(), application)).collect()
    }
}

/// One that cannot be read is as none: a fault of it is no excuse for another.
fn value<K>(objects: &[DeserializeGuard<K>], name: &str) -> anyhow::Result<Option<Value>>
where
    K: kube::Resource + Serialize,
{
    let found = objects.iter().filter_map(|object| object.0.as_ref().ok());
    let mut found = found.filter(|object| object.meta().name.as_deref() == Some(name));
    found.next().map(serde_json::to_value).transpose().context("an object cannot be rendered")
}

/// A namespace as it is, and as it would be.
struct Judged {
    live: Live,
    after: Catalog,
    /// The Applications that would be stored, in the order of the files.
    applications: Vec<Application>,
    /// Whether there are Fleets or clusters among the objects.
    moves_others: bool,
}

/// Says what admission would; nothing comes of it if it would refuse one of the objects.
fn judge(live: Live, wanted: Objects, notes: &mut impl Write) -> anyhow::Result<Option<Judged>> {
    let after = wanted.stored_in(live.catalog.clone());
    let (mut applications, mut is_refused) = (Vec::new(), false);
    for object in &wanted.objects {
        let old = live.find(object)?;
        let verdict = verdict(object, old.as_ref(), &after);
        for finding in &verdict.findings {
            writeln!(notes, "{}: {}: {finding}", finding.severity, object.name())?;
        }
        is_refused |= !verdict.is_admitted();
        if object.kind == Kind::Application && verdict.is_admitted() {
            let mut stored = verdict.object;
            // The API server fills in the schema's defaults before anyone sees an object.
            object.kind.schema().prepare(&mut stored);
            let mut application: Application =
                serde_json::from_value(stored).context("an admitted Application cannot be read")?;
            if let Some(old) = old {
                keep_stored(&mut application, &old)?;
            }
            applications.push(application);
        }
    }
    let moves_others = wanted.objects.iter().any(|object| object.kind != Kind::Application);
    Ok((!is_refused).then_some(Judged { live, after, applications, moves_others }))
}

/// What an update of `old` leaves as it is: whose its objects are, and what is held.
fn keep_stored(application: &mut Application, old: &Value) -> anyhow::Result<()> {
    application.metadata.uid = Some(text_at(old, "/metadata/uid").to_owned());
    let status = old.get("status").cloned().map(serde_json::from_value).transpose();
    application.status = status.context("the status of a stored Application cannot be read")?;
    Ok(())
}

impl Judged {
    /// What would change for each Application: for those of the files, and for
    /// those that a Fleet or a cluster of theirs moves.
    fn differences(&self) -> Vec<(String, Vec<Difference>)> {
        let stored = self.live.applications();
        let given: BTreeSet<String> = self.applications.iter().map(ResourceExt::name_any).collect();
        let others = stored.values().filter(|other| self.moves_others && !given.contains(&other.name_any()));
        let plan = |application: &Application, catalog: &Catalog| {
            keeping_names(Plan::of(application, catalog), &self.live.children)
        };
        let given = self.applications.iter().map(|given| {
            let before = stored.get(&given.name_any()).map(|stored| plan(stored, &self.live.catalog));
            (before, plan(given, &self.after), prune::confirmed(given))
        });
        let moved = others
            .map(|other| {
                let (before, after) = (plan(other, &self.live.catalog), plan(other, &self.after));
                (Some(before), after, prune::confirmed(*other))
            })
            .filter(|(before, after, _)| before.as_ref() != Some(after));
        let differences = given.chain(moved).map(|(before, after, confirmed)| {
            let name = format!("{}/{}", after.owner.namespace, after.owner.name);
            (name, compare(before.as_ref(), (&after, confirmed), &self.live.children, &self.after))
        });
        differences.filter(|(_, differences)| !differences.is_empty()).collect()
    }
}
