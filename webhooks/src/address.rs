//! Addresses, as those read them who ask there: Flux and Flagger, by Go's `net/url`.
//!
//! The `url` crate mends what is broken as browsers do (`https:///host/path`,
//! `https://\host`, a tab within), and Go does not: what is mended here would be
//! admitted and never fetched.

use url::{ParseError, Url};

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no host in it.
    NoHost,
    /// What should be a port is none.
    NoPort,
    /// Anything else, in words.
    Malformed(&'static str),
}

/// Reads an address with a host.
pub(crate) fn parse(text: &str) -> Result<Url, Refusal> {
    if text.contains(|c: char| c.is_ascii_control()) {
        return Err(Refusal::Malformed("it has a control character"));
    }
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.starts_with(':') {
        return Err(Refusal::NoHost);
    }
    if authority.contains(is_foreign) || host.contains('%') {
        return Err(Refusal::Malformed("its host, or its user, has a character that none can have"));
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if has_broken_escape(path) {
        return Err(Refusal::Malformed("a % in it is not followed by two hexadecimal digits"));
    }
    Url::parse(text).map_err(|error| match error {
        ParseError::EmptyHost => Refusal::NoHost,
        ParseError::InvalidPort => Refusal::NoPort,
        ParseError::InvalidIpv4Address => Refusal::Malformed("its host is no IPv4 address"),
        ParseError::InvalidIpv6Address => Refusal::Malformed("its host is no IPv6 address"),
        _ => Refusal::Malformed("its host is no name that a host can have"),
    })
}

/// Whether it is an address by one of these schemes.
pub(crate) fn is_of(text: &str, schemes: &[&str]) -> bool {
    parse(text).is_ok_and(|url| schemes.contains(&url.scheme()))
}

fn is_foreign(character: char) -> bool {
    matches!(character, ' ' | '\\' | '^' | '`' | '{' | '|' | '}')
}

fn has_broken_escape(path: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    path.split('%').skip(1).any(|after| {
        let bytes = after.as_bytes();
        !is_hex(bytes.first()) || !is_hex(bytes.get(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_and_nothing_else() {
        let malformed = |text| matches!(parse(text), Err(Refusal::Malformed(_)));
        let good = [
            "https://github.com/o/r",
            "https://github.com",
            "https://github.com/my repo",
            "https://github.com/a%20b?x=%zz",
            "https://bücher.example/o",
            "https://exa_mple.com:8443/o",
            "ssh://git@[::1]:22/r",
            "https://user:pass@host/r",
            "oci://registry:5000/a",
        ];
        for text in good {
            assert!(parse(text).is_ok(), "{text} {:?}", parse(text));
        }
        for text in ["https:///host/r", "https://", "https://user@/r", "https://:443/r", "host:443", "", "/r"]
        {
            assert_eq!(parse(text), Err(Refusal::NoHost), "{text}");
        }
        for text in ["https://host:port/r", "https://host:99999/r", "ssh://git@host:org/r"] {
            assert_eq!(parse(text), Err(Refusal::NoPort), "{text}");
        }
        for text in [
            "https://\\host/r",
            "https://ho\tst/r",
            "https://ho\nst/r",
            "https://%67ithub.com/r",
            "https://ho st/r",
            "https://us er@host/r",
            "https://host/%zz",
            "https://host/%2",
            "https://999.1.1.1/r",
            "https://[::g]/r",
        ] {
            assert!(malformed(text), "{text} {:?}", parse(text));
        }
    }
}
