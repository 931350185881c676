//! Text of users in lines of ours.

use std::borrow::Cow;

/// `text` as a line: what would end it, steer a terminal, or stand in no XML,
/// is written as Rust escapes it. The API server tells nobody of a warning that
/// is no line, and a test report is XML.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_no_part) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if is_no_part(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    Cow::Owned(line)
}

/// The longest line of what is said, in characters: nobody reads on, and a text
/// of a megabyte may stand in a thousand of them.
pub const MAX_LINE: usize = 1_000;

/// The same, cut to [`MAX_LINE`].
#[must_use]
pub fn short_line(text: &str) -> String {
    // What is cut off need not be looked through.
    let line = one_line(head(text, MAX_LINE + 1));
    let kept = head(&line, MAX_LINE);
    if kept.len() == line.len() {
        return line.into_owned();
    }
    format!("{}…", head(kept, MAX_LINE - 1))
}

/// The first characters of a text, at most so many.
fn head(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}

fn is_no_part(character: char) -> bool {
    // The one kind of character beside these that XML does not have, surrogates, is none of Rust's.
    character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, one_line, short_line};

    #[test]
    fn only_what_is_no_part_of_a_line_is_escaped() {
        let table = [
            ("it's \"5 µs\" \\n", "it's \"5 µs\" \\n"),
            ("a\nb\r\n\t", "a\\nb\\r\\n\\t"),
            ("a\u{fffe}\u{ffff}\u{fffd}\u{1fffe}", "a\\u{fffe}\\u{ffff}\u{fffd}\u{1fffe}"),
            ("\u{1b}[31m\u{7f}\u{85}é", "\\u{1b}[31m\\u{7f}\\u{85}é"),
        ];
        for (text, expected) in table {
            assert_eq!(one_line(text), expected);
        }
    }

    #[test]
    fn a_long_one_is_cut() {
        let whole = "é".repeat(MAX_LINE);
        assert_eq!(short_line(&whole), whole);
        assert_eq!(short_line("a\nb"), "a\\nb");
        for long in ["é".repeat(MAX_LINE + 1), "é".repeat(1_000_000), "\n".repeat(MAX_LINE)] {
            let line = short_line(&long);
            assert_eq!(line.chars().count(), MAX_LINE);
            assert!(line.ends_with('…'));
        }
    }
}
