//! The line of a file that a finding is about, as it may be printed.

use std::ops::Range;

use fleetgate_webhooks::redact::redacted_line;

use super::yaml::{Position, line_starts};

/// A longer line, in bytes, is a machine's, and nobody reads it.
const MAX_LINE: usize = 1_000;

/// A line without the passwords in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) line: String,
    /// What is wrong in it, in bytes.
    pub(super) marked: Range<usize>,
}

/// Where the lines of a document begin, so that many findings are no many
/// searches.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(document: &str) -> Self {
        Self(line_starts(document).collect())
    }

    /// The line at `position` of the document, with `width` characters marked.
    pub(super) fn excerpt(&self, document: &str, position: Position, width: usize) -> Option<Excerpt> {
        let start = *self.0.get(position.line.checked_sub(1)?)?;
        let end = self.0.get(position.line).copied().unwrap_or(document.len());
        let line = document.get(start..end)?.trim_end();
        (!line.is_empty() && line.len() <= MAX_LINE).then(|| Excerpt::of(line, position.column - 1, width))
    }
}

impl Excerpt {
    /// Marks `width` characters behind the first `skipped` ones, or as many of
    /// them as are not hidden.
    fn of(line: &str, skipped: usize, width: usize) -> Self {
        let shown = redacted_line(line);
        let kept = line.chars().zip(shown.chars()).take_while(|(one, other)| one == other).count();
        let byte = |count: usize| shown.char_indices().nth(count).map_or(shown.len(), |(index, _)| index);
        let start = skipped.min(kept);
        let end = (skipped + width.max(1)).min(kept.max(start + 1));
        let marked = byte(start)..byte(end);
        let marked = marked.start..marked.start + shown.get(marked).map_or(0, |text| text.trim_end().len());
        Self { line: shown, marked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(document: &str, line: usize, column: usize, width: usize) -> Option<(String, String)> {
        let excerpt = Lines::of(document).excerpt(document, Position { line, column }, width)?;
        let marked = excerpt.line.get(excerpt.marked).expect("a part of the line").to_owned();
        Some((excerpt.line, marked))
    }

    #[test]
    fn the_field_is_marked_in_its_line() {
        let text = "spec:\n  interval: often\r\n  é: x";
        let own = |line: &str, marked: &str| Some((line.to_owned(), marked.to_owned()));
        assert_eq!(excerpt(text, 1, 1, 4), own("spec:", "spec"));
        assert_eq!(excerpt(text, 2, 3, 8), own("  interval: often", "interval"));
        assert_eq!(excerpt(text, 2, 13, 500), own("  interval: often", "often"));
        assert_eq!(excerpt(text, 3, 3, 1), own("  é: x", "é"));
        assert_eq!(excerpt(text, 4, 1, 1), None);
        assert_eq!(excerpt(&"x".repeat(2_000), 1, 1, 1), None);
    }

    #[test]
    fn a_password_is_never_shown() {
        let line = "  git: {url: \"https://me:secret@e.com\", interval: often}";
        let (shown, marked) = excerpt(line, 1, 42, 8).expect("an excerpt");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(marked, "*");
        let (shown, marked) = excerpt("    password: hunter2", 1, 5, 8).expect("an excerpt");
        assert_eq!((shown.as_str(), marked.as_str()), ("    password: ***", "password"));
    }
}
