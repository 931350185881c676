//! Passwords, which no finding and no line of a file repeats.

use std::ops::Range;

use url::Url;

/// What stands in a password's place.
const REDACTED: &str = "***";

/// How names of fields end that hold a secret, in lower case and without `-` and `_`.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "token", "secret", "accesskey", "secretkey", "privatekey", "apikey"];

/// `text` without the password, if it is a URL that has one.
///
/// In a text that does not parse, everything between the first colon and the
/// last `@` may be one: rather too much is hidden than too little.
#[must_use]
pub fn redacted(text: &str) -> String {
    let authority = text.find("://").map_or(0, |scheme| scheme + "://".len());
    without(text, password(text, authority))
}

/// A line of YAML or JSON without what may be a password in it: one in a URL,
/// or what stands behind a field that is named like one.
///
/// A line may hold many fields and half a string, so that rather too much is
/// hidden. What stands before the hidden part keeps its place.
#[must_use]
pub fn redacted_line(line: &str) -> String {
    let in_url = password_in_line(line);
    let Some(named) = named_secret(line) else {
        return without(line, in_url);
    };
    let start = in_url.as_ref().map_or(named, |password| password.start.min(named));
    let head = match in_url {
        // A name may stand in what is hidden, and what is hidden behind a name.
        Some(password) if password.end < named => {
            without(line.get(..named).unwrap_or_default(), Some(password))
        }
        _ => line.get(..start).unwrap_or_default().to_owned(),
    };
    format!("{head} {REDACTED}")
}

fn without(text: &str, hidden: Option<Range<usize>>) -> String {
    let mut shown = text.to_owned();
    if let Some(hidden) = hidden {
        shown.replace_range(hidden, REDACTED);
    }
    shown
}

/// The place of the password in a URL whose authority begins there.
fn password(text: &str, authority: usize) -> Option<Range<usize>> {
    let rest = text.get(authority..)?;
    // Behind a space there may be another URL.
    let is_url = !text.contains(char::is_whitespace) && Url::parse(text).is_ok_and(|url| url.has_authority());
    let end = if is_url { rest.find(['/', '?', '#']).unwrap_or(rest.len()) } else { rest.len() };
    let credentials = rest.get(..end)?.rfind('@')?;
    let user = rest.get(..credentials)?.find(':')?;
    Some(authority + user + 1..authority + credentials)
}

/// The place of what may be the password of a URL in a line of a file.
fn password_in_line(line: &str) -> Option<Range<usize>> {
    /// What may stand before a value.
    const BEFORE: [char; 4] = [' ', '-', '"', '\''];
    let is_scheme =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let start = value_start(line);
    let value = line.get(start..)?.trim_start_matches(BEFORE);
    let start = line.len() - value.len();
    let word = value.trim_end_matches([' ', ',', '"', '\'']);
    let value = if word.contains(char::is_whitespace) { value } else { word };
    let scheme = value.find("://").filter(|end| value.get(..*end).is_some_and(is_scheme));
    let found = password(value, scheme.map_or(0, |end| end + "://".len()))?;
    Some(start + found.start..start + found.end)
}

/// Where the value begins in a line that begins with a plain field name; the
/// line's start in any other.
fn value_start(line: &str) -> usize {
    let is_name = |text: &str| {
        let name = text.trim_start_matches([' ', '-']).trim_matches(['"', '\'']);
        name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
    };
    line.find(": ").filter(|colon| line.get(..*colon).is_some_and(is_name)).map_or(0, |colon| colon + 2)
}

/// Where the value begins of the first field that is named like a secret and has one.
fn named_secret(line: &str) -> Option<usize> {
    let is_nothing = |rest: &str| rest.trim_matches([' ', '\t', ',', '{', '[']).is_empty();
    line.match_indices(':')
        .map(|(colon, _)| line.split_at(colon + 1))
        .find(|(head, rest)| names_a_secret(head) && !is_nothing(rest))
        .map(|(head, _)| head.len())
}

/// Whether the name before the colon that ends `head` is one of a secret.
fn names_a_secret(head: &str) -> bool {
    /// No field name of a secret is longer.
    const LONGEST: usize = 64;
    let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let reversed = head.trim_end_matches([':', ' ', '"', '\'']).chars().rev();
    let reversed = reversed.take(LONGEST).take_while(is_part).filter(char::is_ascii_alphanumeric);
    let reversed: String = reversed.map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.iter().any(|name| name.chars().rev().eq(reversed.chars().take(name.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn passwords_go_and_the_rest_stays() {
        let table = [
            ("https://me:secret@e.com/r", "https://me:***@e.com/r"),
            ("https://me:se@cret@e.com/r", "https://me:***@e.com/r"),
            ("https://me:se/cret@e.com/r", "https://me:***@e.com/r"),
            ("https://:secret@e.com:99999", "https://:***@e.com:99999"),
            ("me:secret@e.com/r", "me:***@e.com/r"),
            ("https://me@e.com:8443/r", "https://me@e.com:8443/r"),
            ("ssh://git@e.com:org/r.git", "ssh://git@e.com:org/r.git"),
            ("git@e.com:org/r.git", "git@e.com:org/r.git"),
            ("oci://e.com:5000/a@sha256:00", "oci://e.com:5000/a@sha256:00"),
            ("https://e.com/r https://me:secret@e.com", "https://e.com/r https:***@e.com"),
            ("5 minutes", "5 minutes"),
        ];
        for (text, expected) in table {
            assert_eq!(redacted(text), expected);
        }
    }

    #[test]
    fn lines_keep_what_is_no_secret() {
        let table = [
            ("    url: https://me:secret@e.com/r", "    url: https://me:***@e.com/r"),
            ("  - \"https://me:secret@e.com/r\",", "  - \"https://me:***@e.com/r\","),
            ("url: https://me:pa: ss@e.com # so", "url: https://me:***@e.com # so"),
            ("url: https://e.com # https://me:secret@e.com", "url: https://e.com # https:***@e.com"),
            ("url: https://e.com/r # https://me:secret@e.com", "url: https://e.com/r # https:***@e.com"),
            ("a: {b: \"me:secret@h\", url: \"https://x\"}", "a: {b:***@h\", url: \"https://x\"}"),
            (
                "\"url\": \"https://me:secret@e.com\", \"interval\": 5",
                "\"url\": \"https://me:***@e.com\", \"interval\": 5",
            ),
            ("  password: hunter2", "  password: ***"),
            ("{url: x, client_secret: \"hunter2\", b: 1}", "{url: x, client_secret: ***"),
            ("\"apiKey\":\"hunter2\"", "\"apiKey\": ***"),
            ("secretRef: {name: x}", "secretRef: {name: x}"),
            ("password:", "password:"),
            ("url: git@e.com:org/r.git", "url: git@e.com:org/r.git"),
            ("url: oci://e.com:5000/a@sha256:00", "url: oci://e.com:5000/a@sha256:00"),
            ("interval: often", "interval: often"),
        ];
        for (line, expected) in table {
            assert_eq!(redacted_line(line), expected);
        }
    }

    proptest! {
        #[test]
        fn no_line_has_a_password_left(
            head in "(  )?(- )?(url: |\"url\": |\\{a: b, url: )?[\"']?",
            password in "[a-z@:%! ]{0,8}SECRET[a-z@:%!, \"]{0,8}",
            tail in "[\"']?(, b: \"https://e.com\")?( # and so on)?",
        ) {
            // Unquoted, `me: x` is a field.
            let word = password.replace(' ', "");
            for credentials in [format!("https://me:{password}"), format!("me:{word}")] {
                let text = redacted_line(&format!("{head}{credentials}@e.com/r{tail}"));
                prop_assert!(!text.contains("SECRET"), "{}", text);
            }
            let text = redacted_line(&format!("{head}password: {password}{tail}"));
            prop_assert!(!text.contains("SECRET"), "{}", text);
        }

        #[test]
        fn no_password_is_left(password in "[a-z@:%!]{0,8}SECRET[a-z@:%!]{0,8}", port in "(:[0-9a-z]{0,6})?") {
            let text = redacted(&format!("https://me:{password}@e.com{port}/r"));
            prop_assert!(!text.contains("SECRET"), "{}", text);
        }
    }
}
