//! Differences for people: which cluster gains and loses what, and then what changes. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::builder::styling::AnsiColor;
use fleetgate_api::names::ANNOTATION_CONFIRM_PRUNE;
use serde_json::Value;
use similar::TextDiff;

use super::compare::{Change, Difference, Place};
use crate::commands::paint::painted;

/// The differences of one Application; nothing, if there are none.
pub(super) fn text(application: &str, differences: &[Difference], coloured: bool) -> anyhow::Result<String> {
    if differences.is_empty() {
        return Ok(String::new());
    }
    let width = differences.iter().map(|difference| place(&difference.place).chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = format!("Application {application}\n");
    for difference in differences {
        let words = format!("{:9}", verb(&difference.change));
        let words = painted(colour(&difference.change).filter(|_| coloured), &words);
        let Difference { place: at, kind, name, .. } = difference;
        writeln!(
            text,
            "  {:width$}  {words}  {} {name}{}",
            place(at),
            kind.kind(),
            note(&difference.change)
        )?;
    }
    for (changes, names) in alike(differences)? {
        let Some((first, others)) = names.split_first() else { continue };
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        writeln!(text, "\n--- {first}{more}, as it is\n+++ {first}{more}, as it would be")?;
        for line in changes.lines() {
            let colour = match line.get(..1) {
                Some("+") => Some(AnsiColor::Green),
                Some("-") => Some(AnsiColor::Red),
                Some("@") => Some(AnsiColor::Cyan),
                _ => None,
            };
            writeln!(text, "{}", painted(colour.filter(|_| coloured), line))?;
        }
    }
    Ok(text)
}

/// How many Flux objects there would be written and deleted.
pub(super) fn summary<'a>(differences: impl Iterator<Item = &'a Difference>) -> String {
    let [mut made, mut written, mut deleted] = [0_usize; 3];
    for difference in differences {
        match difference.change {
            Change::Gain => made += 1,
            Change::Write(..) => written += 1,
            Change::Loss => deleted += 1,
            Change::Keep | Change::Hold(_) | Change::Conflict => {}
        }
    }
    format!("{made} to make, {written} to change, {deleted} to delete\n")
}

fn place(place: &Place) -> &str {
    match place {
        Place::Source => "source",
        Place::Host => "host",
        Place::Member(cluster) => cluster,
    }
}

const fn verb(change: &Change) -> &'static str {
    match change {
        Change::Gain => "gains",
        Change::Loss => "loses",
        Change::Write(..) => "changes",
        Change::Keep | Change::Hold(_) => "keeps",
        Change::Conflict => "conflicts",
    }
}

fn note(change: &Change) -> String {
    match change {
        Change::Keep => ", which is not planned: whether it should go cannot be told".to_owned(),
        Change::Hold(digest) => {
            format!(", which is not planned: held until {ANNOTATION_CONFIRM_PRUNE}={digest}")
        }
        Change::Conflict => ", which exists and belongs to someone else".to_owned(),
        _ => String::new(),
    }
}

const fn colour(change: &Change) -> Option<AnsiColor> {
    match change {
        Change::Gain => Some(AnsiColor::Green),
        Change::Loss | Change::Conflict => Some(AnsiColor::Red),
        Change::Write(..) => Some(AnsiColor::Yellow),
        Change::Keep | Change::Hold(_) => None,
    }
}

/// Every unified diff, once for all the objects that change alike: what stands
/// around the change may differ, as the credentials of each cluster do.
fn alike(differences: &[Difference]) -> anyhow::Result<Vec<(String, Vec<String>)>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut diffs: Vec<(String, Vec<String>)> = Vec::new();
    for difference in differences {
        let Change::Write(before, after) = &difference.change else { continue };
        let diff = unified(before, after)?;
        let changes: Vec<&str> = diff.lines().filter(|line| !line.starts_with(' ')).collect();
        let name = format!("{} {}", difference.kind.kind(), difference.name);
        let place = *places.entry(changes.join("\n")).or_insert(diffs.len());
        match diffs.get_mut(place) {
            Some((_, names)) => names.push(name),
            None => diffs.push((diff, vec![name])),
        }
    }
    Ok(diffs)
}

fn unified(before: &Value, after: &Value) -> anyhow::Result<String> {
    let (before, after) = (serde_saphyr::to_string(before)?, serde_saphyr::to_string(after)?);
    Ok(TextDiff::from_lines(&before, &after).unified_diff().to_string())
}
