//! Ranges of semantic versions, in the grammar of the library that Flux reads
//! them with (`github.com/Masterminds/semver/v3`, `NewConstraint`).
//!
//! ```text
//! range       = alternative { "||" alternative }
//! alternative = term { ( space | "," ) term }          all of them hold
//! term        = [ operator ] version | version " - " version
//! operator    = = != > < >= => <= =< ~ ~> ^
//! version     = [ "v" ] part [ "." part [ "." part ] ] [ "-" prerelease ] [ "+" metadata ]
//! part        = number | "x" | "X" | "*"
//! ```
//!
//! A crate that reads Rust's own grammar would refuse ranges that Flux takes
//! (`1.2 - 2 || ~>3, v4.x`) and take ranges that Flux refuses (`1.2.3,`).

/// The longest range that the library reads, in bytes.
const MAX_LENGTH: usize = 512;
/// The most alternatives that it reads.
const MAX_ALTERNATIVES: usize = 32;
/// The longest version that it reads, in bytes.
const MAX_VERSION: usize = 256;

/// Why a text is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RangeFault {
    /// It has more than [`MAX_LENGTH`] bytes.
    TooLong,
    /// It has more than [`MAX_ALTERNATIVES`] alternatives.
    TooMany,
    /// It does not have the grammar.
    Malformed,
}

/// Whether Flux can read `text` as a range.
pub(super) fn check(text: &str) -> Result<(), RangeFault> {
    if text.len() > MAX_LENGTH {
        return Err(RangeFault::TooLong);
    }
    if text.split("||").count() > MAX_ALTERNATIVES {
        return Err(RangeFault::TooMany);
    }
    if text.split("||").all(is_alternative) { Ok(()) } else { Err(RangeFault::Malformed) }
}

fn is_alternative(text: &str) -> bool {
    let Some((mut rest, mut was_hyphenated)) = term(skip_space(text), true) else {
        return false;
    };
    loop {
        let next = skip_space(rest);
        if next.is_empty() {
            return true;
        }
        let after_comma = next.strip_prefix(',').map(skip_space);
        // The library writes `1 - 2` as `>= 1, <= 2 `: it adds the space behind it,
        // and takes away the one in front.
        let is_separated = after_comma.is_some() || next.len() < rest.len() || was_hyphenated;
        let may_be_hyphenated = after_comma.is_some() || was_hyphenated;
        match term(after_comma.unwrap_or(next), may_be_hyphenated) {
            Some(read) if is_separated => (rest, was_hyphenated) = read,
            _ => return false,
        }
    }
}

/// Reads one term; says what is left, and whether the term was `a - b`.
fn term(text: &str, may_be_hyphenated: bool) -> Option<(&str, bool)> {
    let without_operator = skip_operator(text);
    let has_operator = without_operator.len() < text.len();
    let rest = version(skip_space(without_operator))?;
    match hyphen(rest).and_then(version) {
        Some(after) if !has_operator => may_be_hyphenated.then_some((after, true)),
        _ => Some((rest, false)),
    }
}

fn skip_operator(text: &str) -> &str {
    const OPERATORS: [&str; 11] = ["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];
    OPERATORS.into_iter().find_map(|operator| text.strip_prefix(operator)).unwrap_or(text)
}

/// What follows ` - `.
fn hyphen(text: &str) -> Option<&str> {
    let after_space = skip_space(text);
    let after = after_space.strip_prefix('-').filter(|_| after_space.len() < text.len())?;
    Some(skip_space(after)).filter(|rest| rest.len() < after.len())
}

/// Reads one version; says what is left of the text.
fn version(text: &str) -> Option<&str> {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let (major, mut rest) = part(numbers)?;
    let mut parts = [major, "", ""];
    for place in parts.iter_mut().skip(1) {
        let Some((read, after)) = rest.strip_prefix('.').and_then(part) else {
            break;
        };
        (*place, rest) = (read, after);
    }
    let (prerelease, rest) = suffix(rest, '-');
    let (_, rest) = suffix(rest, '+');
    let length = text.len() - rest.len();
    (is_valid(parts, prerelease, length) && has_no_leading_zero(prerelease)).then_some(rest)
}

fn part(text: &str) -> Option<(&str, &str)> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, 'x' | 'X' | '*'))).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(part, _)| !part.is_empty())
}

/// The identifiers behind `sign`, and what is left; none where there are none.
fn suffix(text: &str, sign: char) -> (&str, &str) {
    let Some(after) = text.strip_prefix(sign) else {
        return ("", text);
    };
    let is_part_of_it = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut end = 0;
    while let Some(rest) = after.get(end..) {
        let start = if end == 0 { Some(rest) } else { rest.strip_prefix('.') };
        let length = start.map_or(0, |start| start.find(|c| !is_part_of_it(c)).unwrap_or(start.len()));
        if length == 0 {
            break;
        }
        end += length + usize::from(end > 0);
    }
    match after.split_at_checked(end) {
        Some((identifiers, rest)) if end > 0 => (identifiers, rest),
        _ => ("", text),
    }
}

/// What stands behind a wildcard is not looked at: the library puts zeros there.
fn is_valid([major, minor, patch]: [&str; 3], prerelease: &str, length: usize) -> bool {
    let is_open = |part: &str| matches!(part, "" | "x" | "X" | "*");
    let is_number = |part: &str| part.parse::<u64>().is_ok();
    let prerelease = if prerelease.is_empty() { 0 } else { prerelease.len() + 1 };
    if is_open(major) {
        return "0.0.0".len() + prerelease <= MAX_VERSION;
    }
    if is_open(minor) {
        return is_number(major) && major.len() + ".0.0".len() + prerelease <= MAX_VERSION;
    }
    if is_open(patch) {
        let length = major.len() + ".".len() + minor.len() + ".0".len() + prerelease;
        return is_number(major) && is_number(minor) && length <= MAX_VERSION;
    }
    [major, minor, patch].into_iter().all(is_number) && length <= MAX_VERSION
}

fn has_no_leading_zero(prerelease: &str) -> bool {
    let is_padded = |identifier: &str| {
        identifier.len() > 1
            && identifier.starts_with('0')
            && identifier.bytes().all(|byte| byte.is_ascii_digit())
    };
    !prerelease.split('.').any(is_padded)
}

/// The white space of Go's regular expressions.
fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_that_flux_reads() {
        let longest = format!("1.2.3-{}", "a".repeat(250));
        let most = vec!["1"; 32].join(" || ");
        for text in [
            "*",
            "x",
            "X",
            "1",
            "v1",
            "1.2",
            "1.2.3",
            "=1",
            "!=1",
            "> 1",
            ">=1",
            "=>1",
            "<=1",
            "=<1",
            "~1",
            "~>1",
            "^1",
            "^ 1.2",
            "1.x",
            "1.*.3",
            "x.1",
            "1.2.x-alpha",
            "1.2.3-alpha",
            "1.2.3+b",
            "1.2.3-a+b.1",
            "1.2.3-00a",
            "1.2.3-0",
            "1.2.3--",
            "01.02",
            "v2.3.5-20161202202307-sha.e8fc5e5",
            "1 - 2",
            "1-2",
            "1\t-\t2",
            "v1 - v2",
            "1.x - *",
            "1.2.3-alpha - 2",
            "1 - 2, 3 - 4",
            "2 - 3 4.0.0 - 5.1",
            "1.0.0 - 2.0.0 <=2",
            "1 - 2=3",
            " 1 ",
            "1,2",
            "1 2",
            "1 , 2",
            ">= 1.2.3, < 2.0 || => 3.0 < 4",
            "1||2",
            "3 - 4 || => 3.0, < 4",
            "12.3.34 ~1.2.3",
            ">v1.2",
            "1.x.99999999999999999999999",
            "x.1x",
            "18446744073709551615",
            &longest,
            &most,
        ] {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn ranges_that_flux_refuses() {
        for text in [
            "",
            " ",
            "latest",
            "main",
            ">>1.x.y",
            "> = 1",
            "==1",
            "^^1",
            "~ >1",
            "! =1",
            "<>1",
            ">",
            "1.2.3.4",
            "1.2.3-alpha.01",
            "1-01",
            "x-01",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3-é",
            "1 -2",
            "1- 2",
            "1 - 2 - 3",
            "> 1 - 2",
            "=1 - =2",
            "1 - >2",
            "1 2 - 3",
            "1,,2",
            ",1",
            "1,",
            "||",
            "1||",
            "||1",
            "1|2",
            "1.2.3<2",
            ">=1<2",
            "12.3.34~ 1.2.3",
            "v 1",
            "V1",
            "vv1",
            "xx",
            "1x",
            "1.1x.2",
            "**",
            ".1",
            "1.",
            "1..2",
            "1\u{a0}2",
            "18446744073709551616",
            "1.18446744073709551616",
        ] {
            assert_eq!(check(text), Err(RangeFault::Malformed), "{text:?}");
        }
        assert_eq!(check(&format!("1.2.3-{}", "a".repeat(251))), Err(RangeFault::Malformed));
        assert_eq!(check(&vec!["1"; 33].join(" || ")), Err(RangeFault::TooMany));
        assert_eq!(check(&format!("{}1", " ".repeat(512))), Err(RangeFault::TooLong));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|[v0-9xX*.=!<>~^|, a+-]{0,40}") {
            let _ = check(&text);
        }

        #[test]
        fn terms_are_joined_as_they_please(terms in prop::collection::vec("(|[=~^<>]|>=|<=|!=)v?[0-9]{1,3}(\\.[0-9x]){0,2}(-[a-z]{1,5})?", 1..5)) {
            for joint in [" ", ",", ", ", " , ", "||", " || "] {
                prop_assert_eq!(check(&terms.join(joint)), Ok(()));
            }
        }
    }
}
