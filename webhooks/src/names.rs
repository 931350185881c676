//! What Kubernetes accepts as a name or a label, and how near a wrong name is
//! to a right one (`k8s.io/apimachinery/pkg/util/validation`).

use std::collections::BTreeSet;

/// The longest DNS label, label value, and name part of a label key, in bytes.
pub const MAX_LABEL: usize = 63;
/// The longest DNS subdomain, in bytes.
pub const MAX_SUBDOMAIN: usize = 253;

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn has_alphanumeric_ends(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(is_alphanumeric) && bytes.last().copied().is_some_and(is_alphanumeric)
}

/// RFC 1123: lower case letters, digits and `-`, no `-` at either end, at most
/// [`MAX_LABEL`] bytes.
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL
        && has_alphanumeric_ends(text)
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// RFC 1123: parts as in a label, joined by dots, at most [`MAX_SUBDOMAIN`]
/// bytes in all. Kubernetes does not limit a single part.
#[must_use]
pub fn is_dns_subdomain(text: &str) -> bool {
    let is_part = |part: &str| {
        has_alphanumeric_ends(part)
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= MAX_SUBDOMAIN && text.split('.').all(is_part)
}

fn is_qualified_part(text: &str) -> bool {
    text.len() <= MAX_LABEL
        && has_alphanumeric_ends(text)
        && text.bytes().all(|byte| is_alphanumeric(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

/// A label value: empty, or at most [`MAX_LABEL`] letters, digits, `-`, `_`, `.`.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_qualified_part(text)
}

/// A label key: an optional DNS subdomain and `/`, then a name.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_qualified_part(text),
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_qualified_part(name),
    }
}

/// A header's or a cookie's name (RFC 9110, `token`).
#[must_use]
pub fn is_http_token(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_token)
}

/// A text that says something: to Flux and Flagger an empty one is as good as none.
#[must_use]
pub fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// At most this many names are listed in full.
const LISTED: usize = 5;

/// `names` as a text, at most five of them and how many more there are.
#[must_use]
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names;
    let head: Vec<String> = names.by_ref().take(LISTED).map(|name| format!("{name:?}")).collect();
    let head = head.join(", ");
    match names.count() {
        0 => head,
        more => format!("{head} and {more} more"),
    }
}

/// The same with what they are names of: `Application "a"`, `policies "a", "b"`.
#[must_use]
pub fn of_kind(kind: &str, names: &BTreeSet<&str>) -> String {
    let kind = match (names.len(), kind.strip_suffix('y')) {
        (1, _) => kind.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{kind}s"),
    };
    format!("{kind} {}", listed(names.iter().copied()))
}

/// How to go on from a name that does not exist: the nearest one, or all
/// where there are few.
#[must_use]
pub fn suggest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.collect();
    if let Some(near) = nearest(wrong, known.iter().copied()) {
        return Some(format!("did you mean {near:?}?"));
    }
    match &known[..] {
        [] => None,
        [one] => Some(format!("there is only {one:?}")),
        few if few.len() <= LISTED => {
            let names: Vec<String> = few.iter().map(|name| format!("{name:?}")).collect();
            Some(format!("there are only {}", names.join(", ")))
        }
        _ => None,
    }
}

/// The known name that `wrong` is most likely a slip of.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Names this long are no slips, and comparing them costs their product.
    const LONGEST: usize = 256;
    if wrong.len() > LONGEST {
        return None;
    }
    let folded = wrong.to_lowercase();
    let length = wrong.chars().count();
    known
        // No slip is longer than the difference in length, which costs nothing to see.
        .filter(|name| name.len() <= LONGEST)
        .filter(|name| name.chars().count().abs_diff(length) <= name.len().max(wrong.len()) / 3)
        .map(|name| (strsim::damerau_levenshtein(&folded, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len().max(wrong.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_dns_label("a-1") && !is_dns_label("a.b") && !is_dns_label("-a") && !is_dns_label(""));
        assert!(!is_dns_label(&"a".repeat(64)));
        assert!(is_dns_subdomain("a.b-1") && !is_dns_subdomain("a..b") && !is_dns_subdomain("A"));
        assert!(is_dns_subdomain(&"a".repeat(253)) && !is_dns_subdomain(&"a".repeat(254)));
    }

    #[test]
    fn labels() {
        for good in ["", "test", "Test_1.x", "a"] {
            assert!(is_label_value(good), "{good}");
        }
        for bad in ["not valid!", "-a", "a-", "a/b", "ä"] {
            assert!(!is_label_value(bad), "{bad}");
        }
        assert!(is_label_key("env") && is_label_key("example.com/env"));
        assert!(
            !is_label_key("") && !is_label_key("/env") && !is_label_key("a/b/c") && !is_label_key("Ex.com/a")
        );
    }

    #[test]
    fn lists() {
        let names = |count: usize| ["a", "b", "c", "d", "e", "f", "g"].into_iter().take(count);
        assert_eq!(listed(names(1)), "\"a\"");
        assert_eq!(listed(names(5)), "\"a\", \"b\", \"c\", \"d\", \"e\"");
        assert_eq!(listed(names(7)), "\"a\", \"b\", \"c\", \"d\", \"e\" and 2 more");
        assert_eq!(of_kind("policy", &names(1).collect()), "policy \"a\"");
        assert_eq!(of_kind("policy", &names(2).collect()), "policies \"a\", \"b\"");
        assert_eq!(of_kind("Fleet", &names(2).collect()), "Fleets \"a\", \"b\"");
    }

    #[test]
    fn suggestions() {
        let few = ["quickstart", "production"];
        assert_eq!(suggest("quikstart", few.into_iter()).as_deref(), Some("did you mean \"quickstart\"?"));
        assert_eq!(
            suggest("x", few.into_iter()).as_deref(),
            Some("there are only \"quickstart\", \"production\"")
        );
        assert_eq!(suggest("x", few.into_iter().take(1)).as_deref(), Some("there is only \"quickstart\""));
        assert_eq!(suggest("x", std::iter::empty()), None);
        let many: Vec<String> = (0..9).map(|n| format!("fleet-number-{n}")).collect();
        let many = || many.iter().map(String::as_str);
        assert_eq!(suggest("fleet-numbr-7", many()).as_deref(), Some("did you mean \"fleet-number-7\"?"));
        assert_eq!(suggest("elsewhere", many()), None);
        assert_eq!(nearest(&"a".repeat(100_000), many()), None);
    }
}
