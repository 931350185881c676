//! Objects that stand among the files twice. To admission the second is an
//! update like any other; that it takes the first one's place is seen here alone.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;

use fleetgate_webhooks::rules::object::name_path;

use super::input::{Input, batches};
use super::kept::Kept;
use super::object::Object;
use super::reading::Reading;
use super::scan::Scanned;

/// Which object: of which batch of files, and which one of theirs.
type Which = (usize, usize);

/// What tells an object from others: a hash of its kind, namespace and name,
/// since all names together are a lot to keep for a remark that is seldom made.
/// None of one whose name the API server makes.
pub(super) fn identity(object: &Object) -> Option<NonZeroU64> {
    let text = |field: &str| object.value.get("metadata")?.get(field)?.as_str();
    let name = text("name").filter(|name| !name.is_empty())?;
    let mut hasher = DefaultHasher::new();
    (object.kind, text("namespace"), name).hash(&mut hasher);
    // One hash in 2^64 stands for two.
    Some(NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN))
}

/// Notes with every object that stands in `inputs` again where it does so first.
pub(super) fn mark(inputs: &[Input], scans: &mut [Scanned]) {
    let batches: Vec<&[Input]> = batches(inputs).collect();
    let mut reading: Option<Reading<'_>> = None;
    for (first, again) in twins(scans) {
        let (Some((file, kept)), Some(other)) = (find(&batches, scans, first), find(&batches, scans, again))
        else {
            continue;
        };
        // A file that is named twice is no two files.
        if (kept.document, &kept.steps) == (other.1.document, &other.1.steps) && file.is_same(other.0) {
            continue;
        }
        let known = reading.take().filter(|reading| reading.is_of(file));
        let reading = reading.insert(known.unwrap_or_else(|| Reading::new(file)));
        let (position, _) = reading.place(kept.document, &kept.path().join(&name_path()));
        let place = format!("{}:{}", reading.file(), position.line);
        if let Some(scanned) = scans.get_mut(again.0) {
            scanned.objects.mark(again.1, place);
        }
    }
}

/// Each object that is there again, behind the first one of its identity, in
/// the order of those.
fn twins(scans: &[Scanned]) -> Vec<(Which, Which)> {
    let of_batch = |(batch, scanned): (usize, &Scanned)| {
        let identities = scanned.objects.kept().iter().map(|kept| kept.identity).enumerate();
        let known = identities.filter_map(move |(index, identity)| Some((identity?, (batch, index))));
        known.collect::<Vec<_>>()
    };
    let mut known: Vec<(NonZeroU64, Which)> = scans.iter().enumerate().flat_map(of_batch).collect();
    known.sort_unstable();
    let of_identity = |group: &[(NonZeroU64, Which)]| {
        let (first, others) = group.split_first()?;
        Some(others.iter().map(|(_, again)| (first.1, *again)).collect::<Vec<_>>())
    };
    let groups = known.chunk_by(|(one, _), (other, _)| one == other);
    let mut twins: Vec<_> = groups.filter_map(of_identity).flatten().collect();
    twins.sort_unstable();
    twins
}

fn find<'a, 'k>(
    batches: &[&'a [Input]],
    scans: &'k [Scanned],
    (batch, index): Which,
) -> Option<(&'a Input, &'k Kept)> {
    let kept = scans.get(batch)?.objects.kept().get(index)?;
    Some((batches.get(batch)?.get(kept.file)?, kept))
}
