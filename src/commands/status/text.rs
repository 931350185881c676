//! The tree for people: a line for each object. Pure.

use clap::builder::styling::AnsiColor;
use k8s_openapi::jiff::Timestamp;

use super::node::{Health, Node};
use crate::commands::age::age;
use crate::commands::paint::{painted, plain};

/// How much of a message is shown unless all is asked for, in characters.
const MESSAGE: usize = 80;

/// How many digits tell two revisions apart.
const DIGITS: usize = 8;

/// What is shown, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whole revisions and messages.
    pub(super) wide: bool,
    pub(super) coloured: bool,
    /// From when ages are counted.
    pub(super) now: Timestamp,
}

/// A line: the object in its place, and what is said of it.
struct Line {
    place: String,
    health: Option<Health>,
    state: String,
    revision: String,
    age: String,
    message: String,
}

/// The trees as a table, whose first column draws them.
pub(super) fn text(trees: &[Node], look: Look) -> String {
    let mut lines = vec![heading()];
    for tree in trees {
        add(tree, "", "", look, &mut lines);
    }
    let width = |column: fn(&Line) -> &str| {
        lines.iter().map(|line| column(line).chars().count()).max().unwrap_or_default()
    };
    let (place, state) = (width(|line| &line.place), width(|line| &line.state));
    let (revision, age) = (width(|line| &line.revision), width(|line| &line.age));
    let row = |line: &Line| {
        let padding = " ".repeat(state.saturating_sub(line.state.chars().count()));
        let words = painted(line.health.filter(|_| look.coloured).map(colour), &line.state);
        let row = format!(
            "{:place$}  {words}{padding}  {:revision$}  {:age$}  {}",
            line.place, line.revision, line.age, line.message
        );
        format!("{}\n", row.trim_end())
    };
    let held = trees.iter().filter_map(|tree| {
        let command = tree.confirmed_by.as_ref()?;
        Some(format!("\nWhat {} holds goes once this confirms it:\n  {}\n", tree.name, plain(command)))
    });
    lines.iter().map(row).chain(held).collect()
}

fn heading() -> Line {
    Line {
        place: "NAME".to_owned(),
        health: None,
        state: "STATE".to_owned(),
        revision: "REVISION".to_owned(),
        age: "AGE".to_owned(),
        message: "MESSAGE".to_owned(),
    }
}

/// Adds `node` behind `lead`, and its children, whose own lines begin with `below`.
fn add(node: &Node, lead: &str, below: &str, look: Look, lines: &mut Vec<Line>) {
    lines.push(line(node, lead, look));
    let last = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        let (corner, beside) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        add(child, &format!("{below}{corner}"), &format!("{below}{beside}"), look, lines);
    }
}

fn line(node: &Node, lead: &str, look: Look) -> Line {
    let name = match &node.namespace {
        Some(namespace) => format!("{namespace}/{}", node.name),
        None => node.name.clone(),
    };
    let name =
        if name.to_lowercase() == node.kind.to_lowercase() { String::new() } else { format!(" {name}") };
    let destination = node.destination.as_ref().map(|destination| format!(" ({destination})"));
    let ready = node.ready.as_ref().map(|ready| format!(" {ready}"));
    Line {
        place: plain(&format!("{lead}{}{name}{}", node.kind, destination.unwrap_or_default())),
        health: Some(node.state),
        state: format!("{}{}", node.state.as_str(), ready.unwrap_or_default()),
        revision: plain(&revision(node, look)),
        age: node.created.map(|created| age(created, look.now)).unwrap_or_default(),
        message: message(node, look),
    }
}

/// A revision such as `main@sha1:8a9f…`, whose digits need not all be read.
fn revision(node: &Node, look: Look) -> String {
    let revision = node.revision.clone().unwrap_or_default();
    match revision.rsplit_once(':') {
        Some((name, digits)) if !look.wide && digits.chars().all(|digit| digit.is_ascii_hexdigit()) => {
            format!("{name}:{}", digits.chars().take(DIGITS).collect::<String>())
        }
        _ => revision,
    }
}

fn message(node: &Node, look: Look) -> String {
    let message = plain(node.message.as_deref().unwrap_or_default().trim());
    if look.wide || message.chars().count() <= MESSAGE {
        return message;
    }
    format!("{}…", message.chars().take(MESSAGE - 1).collect::<String>())
}

const fn colour(health: Health) -> AnsiColor {
    match health {
        Health::Failed => AnsiColor::Red,
        Health::Deleting | Health::Progressing | Health::Kept => AnsiColor::Yellow,
        Health::Suspended => AnsiColor::Cyan,
        Health::Ready => AnsiColor::Green,
    }
}
