//! Go's regular expressions (RE2), which patterns of CRDs and rules are
//! written in, said in the dialect of the `regex` crate. Both match in linear
//! time. Where they differ:
//!
//! | | Go | `regex` |
//! | --- | --- | --- |
//! | `\d \s \w` and their opposites | ASCII | Unicode |
//! | `[` within brackets, and `&&`, `~~` there | plain characters | sets in sets |
//! | `{` that begins no repetition | a plain character | an error |
//! | `\Q…\E` | as it stands | unknown |

use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
const MAX_LENGTH: usize = 4096;
/// The memory that a compiled pattern may take, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// The compiled pattern; `None` if it is none, or too large, or says what only
/// Go understands (`\C`).
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    let pattern = Some(pattern).filter(|pattern| pattern.len() <= MAX_LENGTH)?;
    RegexBuilder::new(&translate(pattern)).size_limit(MAX_SIZE).build().ok()
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_brackets = false;
    while let Some(char) = rest.next() {
        match char {
            '\\' => escape(&mut rest, &mut out),
            '[' if !in_brackets => {
                in_brackets = true;
                out.push('[');
                // Right behind the opening a closing bracket is a plain one.
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if rest.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            '[' if rest.peek() == Some(&':') => posix_class(&mut rest, &mut out),
            '[' => out.push_str(r"\["),
            ']' if in_brackets => {
                in_brackets = false;
                out.push(']');
            }
            '&' | '~' if in_brackets => out.extend(['\\', char]),
            '{' if !in_brackets && !is_repetition(rest.clone()) => out.push_str(r"\{"),
            _ => out.push(char),
        }
    }
    out
}

fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    match rest.next() {
        Some('d') => out.push_str("[0-9]"),
        Some('D') => out.push_str("[^0-9]"),
        Some('s') => out.push_str(r"[\t\n\f\r ]"),
        Some('S') => out.push_str(r"[^\t\n\f\r ]"),
        Some('w') => out.push_str("[0-9A-Za-z_]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        Some('b') => out.push_str(r"(?-u:\b)"),
        Some('Q') => quoted(rest, out),
        Some(other) => out.extend(['\\', other]),
        None => out.push('\\'),
    }
}

/// What stands as it is, up to `\E` or the end.
fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    while let Some(char) = rest.next() {
        if char == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
    }
}

/// `[:alpha:]`, which both write alike.
fn posix_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    out.push('[');
    for char in rest.by_ref() {
        out.push(char);
        if char == ']' {
            return;
        }
    }
}

/// Whether what follows a `{` is `n}`, `n,}` or `n,m}`.
fn is_repetition(mut rest: Peekable<Chars<'_>>) -> bool {
    let mut number = || {
        let mut is_there = false;
        while rest.next_if(char::is_ascii_digit).is_some() {
            is_there = true;
        }
        (is_there, rest.next())
    };
    match number() {
        (true, Some('}')) => true,
        (true, Some(',')) => matches!(number(), (_, Some('}'))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_go() {
        let table: [(&str, &str, bool); 26] = [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^\D$", "١", true),
            (r"^\w+$", "é", false),
            (r"^[\w.]+$", "a.b_c", true),
            (r"^[^\s]+$", "a b", false),
            (r"^[^\s]+$", "a\u{a0}b", true),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]+$", "b", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[a~~b]+$", "~a", true),
            (r"^[[:alpha:]-]+$", "a-b", true),
            (r"^[[:alpha:]-]+$", "1", false),
            (r"^a{2}$", "aa", true),
            (r"^a{$", "a{", true),
            (r"^{x,}$", "{x,}", true),
            (r"^a{1,}b{0,2}$", "aab", true),
            (r"^\Qa.b\E+$", "a.bbb", true),
            (r"^\Qa.b", "axb", false),
            (r"^a.c$", "aéc", true),
            (r"b", "abc", true),
            (r"(?i)^ABC$", "abc", true),
            (r"\bword\b", "a word", true),
            (r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", "1h30m", true),
            (r"^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "", true),
        ];
        for (pattern, text, matches) in table {
            let regex = compile(pattern).unwrap_or_else(|| panic!("{pattern} compiles"));
            assert_eq!(regex.is_match(text), matches, "{pattern} {text} {}", translate(pattern));
        }
    }

    #[test]
    fn what_is_no_pattern_or_too_large_is_none() {
        for pattern in [r"(", r"\", r"\C", "[a", "((a{100}){100}){100}", &"a".repeat(MAX_LENGTH + 1)] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
