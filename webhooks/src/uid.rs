//! The uid of a request that cannot be read as a whole: truncated, or of
//! another shape. A denial without it means nothing to the API server.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The longest that is echoed, in bytes: the API server's own are UUIDs.
pub(crate) const MAX: usize = 128;

/// Reads as far as `request.uid`, and forgives whatever comes after it.
pub(crate) fn find(body: &[u8]) -> Option<String> {
    let mut uid = None;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let seed = Search { keys: &["request", "uid"], found: &mut uid };
    // The error is the caller's to report; what was found before it counts.
    drop(seed.deserialize(&mut deserializer));
    uid
}

/// Follows `keys` down, and takes the text at their end.
struct Search<'a> {
    keys: &'a [&'static str],
    found: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, or a text at the end of the path")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.keys.is_empty() && text.len() <= MAX {
            *self.found = Some(text.to_owned());
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.keys.split_first() else {
            return Ok(());
        };
        while let Some(key) = map.next_key::<String>()? {
            if key == *wanted {
                map.next_value_seed(Search { keys: rest, found: &mut *self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, find};

    #[test]
    fn it_finds_what_there_is() {
        let table = [
            (r#"{"kind":"AdmissionReview","request":{"uid":"u-1","object":{"sp"#, Some("u-1")),
            (r#"{"request":{"kind":{"group":""},"uid":"u-1"}}"#, Some("u-1")),
            (r#"{"request":{"uid":7}}"#, None),
            (r#"{"request":"uid"}"#, None),
            (r#"{"uid":"not here"}"#, None),
            ("", None),
            ("[]", None),
            ("\u{0}", None),
        ];
        for (body, expected) in table {
            assert_eq!(find(body.as_bytes()).as_deref(), expected, "{body}");
        }
        for (length, is_found) in [(MAX, true), (MAX + 1, false), (1_000_000, false)] {
            let body = format!(r#"{{"request":{{"uid":"{}"}}}}"#, "u".repeat(length));
            assert_eq!(find(body.as_bytes()).is_some(), is_found, "{length}");
        }
    }
}
