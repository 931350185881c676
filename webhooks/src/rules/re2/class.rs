//! Character classes and escapes of RE2's grammar.

use std::str::Chars;

use super::Refusal;

/// What may stand as `[:name:]` within a class.
const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

const OPEN: Refusal = Refusal::Malformed("a class is not closed");
const ESCAPE: Refusal = Refusal::Dialect("RE2 does not have this escape");
const PROPERTY: Refusal = Refusal::Dialect("RE2 does not have this Unicode property");

/// Reads a class to its end, its bracket already read. `last_named` is how far
/// before the expression's end the last `:]` begins.
pub(super) fn read(rest: &mut Chars<'_>, last_named: Option<usize>) -> Result<(), Refusal> {
    if rest.as_str().starts_with('^') {
        rest.next();
    }
    let mut is_first = true;
    loop {
        let text = rest.as_str();
        if text.starts_with(']') && !is_first {
            rest.next();
            return Ok(());
        }
        is_first = false;
        if !read_set(rest, last_named)? {
            read_range(rest)?;
        }
    }
}

/// A set of characters by its name: `[:alpha:]`, `\pL`, `\d`.
fn read_set(rest: &mut Chars<'_>, last_named: Option<usize>) -> Result<bool, Refusal> {
    let text = rest.as_str();
    if let Some(name) = text.strip_prefix("[:") {
        if last_named.is_some_and(|last| last <= name.len()) {
            *rest = after_named(name).ok_or(Refusal::Dialect("a class of this name does not exist"))?.chars();
            return Ok(true);
        }
        return Ok(false);
    }
    let mut ahead = rest.clone();
    if ahead.next() != Some('\\') {
        return Ok(false);
    }
    match ahead.next() {
        Some('d' | 'D' | 's' | 'S' | 'w' | 'W') => {}
        Some('p' | 'P') => unicode(&mut ahead)?,
        _ => return Ok(false),
    }
    *rest = ahead;
    Ok(true)
}

fn after_named(text: &str) -> Option<&str> {
    let text = text.strip_prefix('^').unwrap_or(text);
    NAMED.into_iter().find_map(|name| text.strip_prefix(name)?.strip_prefix(":]"))
}

/// One character, or all from one to another.
fn read_range(rest: &mut Chars<'_>) -> Result<(), Refusal> {
    let low = read_character(rest)?;
    let text = rest.as_str();
    if !text.starts_with('-') || text.starts_with("-]") || text.len() < 2 {
        return Ok(());
    }
    rest.next();
    if read_character(rest)? < low {
        return Err(Refusal::Malformed("a range in a class ends before it begins"));
    }
    Ok(())
}

fn read_character(rest: &mut Chars<'_>) -> Result<u32, Refusal> {
    match rest.next().ok_or(OPEN)? {
        '\\' => {
            let character = rest.next().ok_or(Refusal::Malformed("it ends within an escape"))?;
            escaped(character, rest)
        }
        character => Ok(u32::from(character)),
    }
}

/// `\pL` or `\p{Greek}`, of which `\p` has been read. Names of properties are
/// many and grow with Unicode: only what is no name at all is refused.
pub(super) fn unicode(rest: &mut Chars<'_>) -> Result<(), Refusal> {
    match rest.next() {
        Some('{') => {
            let (name, after) = rest.as_str().split_once('}').ok_or(PROPERTY)?;
            let name = name.strip_prefix('^').unwrap_or(name);
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ');
            *rest = after.chars();
            if !name.is_empty() && name.bytes().all(is_part) { Ok(()) } else { Err(PROPERTY) }
        }
        Some(letter) if "CLMNPSZ".contains(letter.to_ascii_uppercase()) => Ok(()),
        _ => Err(PROPERTY),
    }
}

/// The one character that an escape means, the first after the backslash
/// already read.
pub(super) fn escaped(character: char, rest: &mut Chars<'_>) -> Result<u32, Refusal> {
    match character {
        // One digit alone would refer back to a group.
        '1'..='7' if !rest.as_str().starts_with(is_octal) => {
            Err(Refusal::Dialect("it refers back to a group"))
        }
        '0'..='7' => Ok(octal(character, rest)),
        'x' => hexadecimal(rest),
        'a' => Ok(7),
        'f' => Ok(12),
        'n' => Ok(10),
        'r' => Ok(13),
        't' => Ok(9),
        'v' => Ok(11),
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => Ok(u32::from(other)),
        _ => Err(ESCAPE),
    }
}

fn is_octal(character: char) -> bool {
    character.is_digit(8)
}

/// Up to three digits, the first already read.
fn octal(first: char, rest: &mut Chars<'_>) -> u32 {
    let mut value = first.to_digit(8).unwrap_or_default();
    for _ in 0..2 {
        let Some(digit) = rest.as_str().chars().next().and_then(|next| next.to_digit(8)) else {
            break;
        };
        rest.next();
        value = value * 8 + digit;
    }
    value
}

/// Two digits, or any number of them in braces.
fn hexadecimal(rest: &mut Chars<'_>) -> Result<u32, Refusal> {
    let mut digit = || rest.next().ok_or(ESCAPE);
    let first = digit()?;
    if first != '{' {
        let both = first.to_digit(16).zip(digit()?.to_digit(16));
        return both.map(|(high, low)| high * 16 + low).ok_or(ESCAPE);
    }
    let mut value: Option<u32> = None;
    loop {
        let next = digit()?;
        if next == '}' {
            return value.ok_or(ESCAPE);
        }
        let more = next.to_digit(16).ok_or(ESCAPE)?;
        let larger = value.unwrap_or_default().saturating_mul(16).saturating_add(more);
        value = Some(larger).filter(|value| *value <= u32::from(char::MAX));
        if value.is_none() {
            return Err(ESCAPE);
        }
    }
}
