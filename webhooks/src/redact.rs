//! Passwords in URLs, which no finding repeats.

use url::Url;

/// What stands in a password's place.
const REDACTED: &str = "***";

/// `text` without the password, if it is a URL that has one.
///
/// In a text that does not parse, everything between the first colon and the
/// last `@` may be one: rather too much is hidden than too little.
#[must_use]
pub(crate) fn redacted(text: &str) -> String {
    let authority = text.find("://").map_or(0, |scheme| scheme + "://".len());
    let (scheme, rest) = text.split_at(authority);
    let end = if Url::parse(text).is_ok_and(|url| url.has_authority()) {
        rest.find(['/', '?', '#']).unwrap_or(rest.len())
    } else {
        rest.len()
    };
    let (head, tail) = rest.split_at(end);
    let Some((credentials, host)) = head.rsplit_once('@') else {
        return text.to_owned();
    };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}{user}:{REDACTED}@{host}{tail}"),
        None => text.to_owned(),
    }
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
            ("5 minutes", "5 minutes"),
        ];
        for (text, expected) in table {
            assert_eq!(redacted(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_password_is_left(password in "[a-z@:%!]{0,8}SECRET[a-z@:%!]{0,8}", port in "(:[0-9a-z]{0,6})?") {
            let text = redacted(&format!("https://me:{password}@e.com{port}/r"));
            prop_assert!(!text.contains("SECRET"), "{}", text);
        }
    }
}
