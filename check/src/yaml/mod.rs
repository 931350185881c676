//! YAML and JSON as kubectl reads them.
//!
//! kubectl cuts a file at its `---` lines before it parses anything, so that a
//! syntax error in one document does not hide the others; so do we. Several
//! JSON objects may follow each other without anything between them
//! (`NewYAMLOrJSONDecoder` in k8s.io/apimachinery).

mod content;
mod merges;
mod places;
mod scalars;

use serde_json::Value;
use serde_saphyr::{Error, Location, MessageFormatter, NonFiniteFloatPolicy, Options, UserMessageFormatter};

use self::content::Content;
pub(crate) use self::places::Places;

/// A line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// The beginning of a file.
    const START: Self = Self { line: 1, column: 1 };

    fn of(location: Option<Location>) -> Self {
        let from_one = |count: u64| usize::try_from(count).unwrap_or_default().max(1);
        location.map_or(Self::START, |location| Self {
            line: from_one(location.line()),
            column: from_one(location.column()),
        })
    }

    /// The position that is `self` in what begins at `start`.
    pub(crate) fn after(self, start: Self) -> Self {
        let column = if self.line == 1 { start.column + self.column - 1 } else { self.column };
        Self { line: start.line + self.line - 1, column }
    }
}

/// Where a document stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Its first byte, and the one behind its last.
    bytes: (usize, usize),
    /// Where it begins.
    pub(crate) start: Position,
}

impl Extent {
    /// The document; empty if the file is not what it was.
    pub(crate) fn of(self, file: &str) -> &str {
        file.get(self.bytes.0..self.bytes.1).unwrap_or_default()
    }

    /// What is left of it without its first `length` bytes.
    fn skip(self, file: &str, length: usize) -> Self {
        let skipped = self.of(file).get(..length).unwrap_or_default();
        let (line, start) = line_starts(skipped).enumerate().last().unwrap_or_default();
        let columns = skipped.get(start..).unwrap_or_default().chars().count();
        let end = Position { line: line + 1, column: columns + 1 };
        Self { bytes: (self.bytes.0 + length, self.bytes.1), start: end.after(self.start) }
    }

    /// Only its first `length` bytes.
    fn first(self, length: usize) -> Self {
        Self { bytes: (self.bytes.0, self.bytes.0 + length), start: self.start }
    }
}

/// Where the lines of `text` begin. YAML ends a line with a line feed, a
/// carriage return, or both.
pub(crate) fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    let is_end = |end: usize, found: &str| found == "\n" || text.as_bytes().get(end + 1) != Some(&b'\n');
    let ends = text.match_indices(['\n', '\r']).filter(move |(end, found)| is_end(*end, found));
    std::iter::once(0).chain(ends.map(|(end, _)| end + 1))
}

/// A document that cannot be parsed.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    /// Where in its file.
    pub(crate) position: Position,
    /// Why, in words for who wrote it.
    pub(crate) message: String,
}

/// Hands every document of `file` to `each`, one after the other. One with
/// nothing but comments is `Null`.
pub(crate) fn read(file: &str, mut each: impl FnMut(Extent, Result<Value, SyntaxError>)) {
    // A byte order mark is no content.
    let mut start = file.len() - file.trim_start_matches('\u{feff}').len();
    let (mut first_line, mut end) = (1, start);
    for line in file.get(start..).unwrap_or_default().split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            let position = Position { line: first_line, column: 1 };
            read_chunk(file, Extent { bytes: (start, end), start: position }, &mut each);
            let above = file.get(start..end).unwrap_or_default();
            let position = Position { line: first_line + line_starts(above).count() - 1, column: 1 };
            start = end + line.len();
            first_line = position.line + line_starts(line).count() - 1;
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let message = "a line that begins with `---` may hold nothing else but a comment".to_owned();
                let extent = Extent { bytes: (end, start), start: position };
                each(extent, Err(SyntaxError { position, message }));
            }
        }
        end += line.len();
    }
    let position = Position { line: first_line, column: 1 };
    read_chunk(file, Extent { bytes: (start, end), start: position }, &mut each);
}

/// Reads what stands between two `---` lines: JSON objects, and then YAML.
fn read_chunk(file: &str, chunk: Extent, each: &mut impl FnMut(Extent, Result<Value, SyntaxError>)) {
    let mut rest = chunk;
    loop {
        let text = rest.of(file);
        let blank = text.len() - text.trim_start().len();
        let Some((length, value)) = json_object(text.get(blank..).unwrap_or_default()) else {
            break;
        };
        let object = rest.skip(file, blank);
        each(object.first(length), Ok(value));
        rest = object.skip(file, length);
    }
    let text = rest.of(file);
    if !text.trim_start().is_empty() {
        each(rest, yaml(text).map_err(|error| error.after(rest.start)));
    }
}

/// The JSON object at the beginning of `text`, and its length in bytes.
fn json_object(text: &str) -> Option<(usize, Value)> {
    if !text.starts_with('{') {
        return None;
    }
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<Content>();
    let Content(value) = objects.next()?.ok()?;
    Some((objects.byte_offset(), value))
}

fn yaml(text: &str) -> Result<Value, SyntaxError> {
    let read = |floats| serde_saphyr::from_str_with_options::<Content>(text, options(text, floats));
    let mut content = read(NonFiniteFloatPolicy::Reject);
    let overflows =
        matches!(content.as_ref().map_err(Error::without_snippet), Err(Error::NonFiniteFloat { .. }));
    if overflows {
        // A commit such as 63e5721 is a text to kubectl, since it is too large for a number.
        content = read(NonFiniteFloatPolicy::PassThrough).or(content);
    }
    let Content(mut value) = content.map_err(|error| SyntaxError::from(&error))?;
    if (overflows || scalars::may_have_texts_like_words(text))
        && let Some(places) = Places::of(text)
    {
        places.restore_texts(text, &mut value)?;
    }
    // What is no object nobody applies: a tool's file means what that tool makes of it.
    if value.get("apiVersion").is_some() {
        merges::check(text)?;
    }
    Ok(value)
}

fn options(text: &str, floats: NonFiniteFloatPolicy) -> Options {
    let mut options = serde_saphyr::options! {
        legacy_octal_numbers: true, with_snippet: false, non_finite_float_policy: floats,
    };
    if let Some(budget) = &mut options.budget {
        // A long list is no attack: without aliases, which have a budget of
        // their own, there are never more nodes than characters.
        budget.max_nodes = budget.max_nodes.max(text.len());
        budget.max_events = budget.max_events.max(text.len().saturating_mul(2));
    }
    options
}

impl SyntaxError {
    /// The error in the file, of one in what begins at `start`.
    fn after(self, start: Position) -> Self {
        Self { position: self.position.after(start), ..self }
    }
}

/// The parser's words without its advice to programmers, and without a place:
/// it counts lines from the document's start, the position from the file's.
impl From<&Error> for SyntaxError {
    fn from(error: &Error) -> Self {
        let message = match bare(error) {
            Error::DuplicateMappingKey { key: Some(key), .. } if key == merges::MERGE => {
                "`<<` stands twice in one mapping: merge a list of mappings, `<<: [*a, *b]`".to_owned()
            }
            Error::MergeValueNotMapOrSeqOfMaps { .. } => merges::NO_MAPPING.to_owned(),
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key {key} stands twice in one mapping")
            }
            Error::DuplicateMappingKey { .. } => "a key stands twice in one mapping".to_owned(),
            Error::MultipleDocuments { .. } => "another document begins without a line of `---`".to_owned(),
            Error::NonFiniteFloat { value, .. } => no_number_of_json(value),
            Error::Budget { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => {
                "it is too large, or nested too deeply".to_owned()
            }
            other => UserMessageFormatter.format_message(other).into_owned(),
        };
        Self { position: Position::of(error.location()), message }
    }
}

/// The error itself, without the lines around it and the alias that led to it.
fn bare(error: &Error) -> &Error {
    match error.without_snippet() {
        Error::AliasError { error, .. } => bare(error),
        error => error,
    }
}

fn no_number_of_json(value: &str) -> String {
    format!("{value} is not a number that JSON has")
}

#[cfg(test)]
mod tests;
