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

fn is_no_part(character: char) -> bool {
    // The one kind of character beside these that XML does not have, surrogates, is none of Rust's.
    character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::one_line;

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
}
