//! Text of users in lines of ours.

use std::borrow::Cow;

/// `text` as a line: what would end it, or steer a terminal, is written as
/// Rust escapes it. The API server tells nobody of a warning that is no line.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn only_what_is_no_part_of_a_line_is_escaped() {
        let table = [
            ("it's \"5 µs\" \\n", "it's \"5 µs\" \\n"),
            ("a\nb\r\n\t", "a\\nb\\r\\n\\t"),
            ("\u{1b}[31m\u{7f}\u{85}é", "\\u{1b}[31m\\u{7f}\\u{85}é"),
        ];
        for (text, expected) in table {
            assert_eq!(one_line(text), expected);
        }
    }
}
