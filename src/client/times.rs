//! Times that an API server keeps, and that cannot be read here.
//!
//! Whoever may write an object may say in its `managedFields` when that was: on the last day of the year 9999, which
//! Jiff's times do not have, or at an hour that an API server tells as one of the year 10000. A list is read as a
//! whole: one such object, of whatever tenant, would keep all others from being listed. Nobody goes by these times, and
//! they may be missing: so their key is made one that is passed over.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;

/// What an object or a list of values is, as far as the way to such a time goes through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// An object of Kubernetes, a list of such, or what a watch tells.
    Document,
    Items,
    Metadata,
    ManagedFields,
    /// One of them.
    Entry,
    Elsewhere,
}

impl Place {
    /// What is below, at `key`; the items of a list have none.
    fn below(self, key: &[u8]) -> Self {
        match (self, key) {
            (Self::Document, b"metadata") => Self::Metadata,
            (Self::Document, b"items") => Self::Items,
            (Self::Document, b"object") | (Self::Items, _) => Self::Document,
            (Self::Metadata, b"managedFields") => Self::ManagedFields,
            (Self::ManagedFields, _) => Self::Entry,
            _ => Self::Elsewhere,
        }
    }
}

/// Where in JSON we are.
#[derive(Debug)]
enum Token {
    /// Between texts.
    None,
    Key,
    Text,
}

/// The key of a time, and what its last byte becomes.
const TIME: &[u8] = b"time";
const PASSED_OVER: u8 = b'_';

/// The longest key that leads anywhere, and one more.
const KEY: usize = "managedFields".len() + 1;
/// Reads JSON as it comes, in whatever pieces.
#[derive(Debug)]
struct Times {
    /// Around us, with whether it has keys.
    open: Vec<(Place, bool)>,
    token: Token,
    is_escaped: bool,
    /// Whether a text would be a key.
    awaits_key: bool,
    key: [u8; KEY],
    key_length: usize,
}

impl Times {
    const fn new() -> Self {
        Self {
            open: Vec::new(),
            token: Token::None,
            is_escaped: false,
            awaits_key: false,
            key: [0; KEY],
            key_length: 0,
        }
    }

    /// The same piece, without times.
    fn readable(&mut self, piece: Bytes) -> Bytes {
        let ends: Vec<usize> =
            piece.iter().enumerate().filter_map(|(at, byte)| self.read(*byte).then_some(at)).collect();
        if ends.is_empty() {
            return piece;
        }
        let mut piece = Vec::from(piece);
        for at in ends {
            if let Some(byte) = piece.get_mut(at) {
                *byte = PASSED_OVER;
            }
        }
        piece.into()
    }

    /// Whether this is the last byte of a time's key.
    fn read(&mut self, byte: u8) -> bool {
        if matches!(self.token, Token::None) {
            self.between(byte);
            return false;
        }
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'"' {
            self.token = Token::None;
            return false;
        } else {
            self.is_escaped = byte == b'\\';
        }
        if !matches!(self.token, Token::Key) {
            return false;
        }
        if let Some(place) = self.key.get_mut(self.key_length) {
            *place = byte;
            self.key_length += 1;
        }
        self.open.last() == Some(&(Place::Entry, true)) && self.key() == TIME
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'"' if self.awaits_key => {
                self.token = Token::Key;
                self.key_length = 0;
            }
            b'"' => self.token = Token::Text,
            b'{' | b'[' => {
                let has_keys = byte == b'{';
                self.open.push((self.below(), has_keys));
                self.awaits_key = has_keys;
            }
            b'}' | b']' => {
                self.open.pop();
                self.awaits_key = false;
            }
            b':' => self.awaits_key = false,
            b',' => self.awaits_key = self.open.last().is_some_and(|(_, has_keys)| *has_keys),
            _ => {}
        }
    }

    fn key(&self) -> &[u8] {
        self.key.get(..self.key_length).unwrap_or_default()
    }

    fn below(&self) -> Place {
        self.open.last().map_or(Place::Document, |(place, _)| place.below(self.key()))
    }
}

/// An answer without those times.
pub(super) fn readable<B: Body<Data = Bytes>>(body: B) -> impl Body<Data = Bytes, Error = B::Error> {
    let mut times = Times::new();
    body.map_frame(move |frame| frame.map_data(|piece| times.readable(piece)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Namespace;
    use kube::core::ObjectList;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What a text becomes that comes in pieces of that length.
    fn read(text: &str, length: usize) -> String {
        let mut times = Times::new();
        let pieces = text.as_bytes().chunks(length);
        let read: Vec<u8> = pieces.flat_map(|piece| times.readable(Bytes::copy_from_slice(piece))).collect();
        String::from_utf8(read).expect("as much UTF-8 as before")
    }

    fn fields(key: &str, time: &str) -> Value {
        json!([{"manager": "x", key: "2026-01-01T00:00:00Z"}, {"fieldsV1": {"f:time": {}, "time": {}}, key: time}])
    }

    /// An object with times wherever one can stand, below that key; of the same in other places nothing changes.
    fn object(key: &str) -> Value {
        json!({
            "metadata": {
                "name": "a", "managedFields": fields(key, LAST),
                "annotations": {"time": LAST, "a\"managedFields": LAST, "\\": LAST},
            },
            "spec": {
                "time": LAST, "metadata": {"managedFields": fields("time", LAST)},
                "items": [{"metadata": {"managedFields": fields("time", LAST)}}], "text": "\"time\":\"9999",
            },
        })
    }

    const LAST: &str = "9999-12-31T23:59:59Z";

    #[test]
    fn only_the_times_of_managed_fields_are_passed_over() {
        let list = |key: &str| json!({"kind": "List", "metadata": {}, "items": [object(key), object(key)]});
        let told = |key: &str| json!({"type": "ADDED", "object": object(key)});
        for shape in [object, list, told] {
            let (before, after) = (shape("time").to_string(), shape("tim_").to_string());
            for length in [1, 2, 7, before.len()] {
                assert_eq!(read(&before, length), after, "in pieces of {length}");
                let lines = format!("{before}\n{before}\n");
                assert_eq!(read(&lines, length), format!("{after}\n{after}\n"), "in pieces of {length}");
            }
        }
    }

    #[test]
    fn a_list_can_be_read_whatever_its_objects_say() {
        for time in [LAST, "10000-01-01T00:59:59Z", "-0001-12-31T23:00:00Z"] {
            let namespaces = json!({
                "apiVersion": "v1", "kind": "NamespaceList", "metadata": {},
                "items": [{"metadata": {"name": "a", "managedFields": fields("time", time)}}],
            });
            let text = namespaces.to_string();
            serde_json::from_str::<ObjectList<Namespace>>(&text).expect_err("what this is for");
            let list: ObjectList<Namespace> = serde_json::from_str(&read(&text, text.len())).expect("a list");
            assert_eq!(list.items.len(), 1, "{time}");
        }
    }

    proptest! {
        /// Whatever it is, and in whatever pieces it comes: nothing else changes, and nothing panics.
        #[test]
        fn nothing_else_is_touched(text in "[\\[\\]{}:,\"\\\\ 9a-z\n]{0,60}|(\"metadata\":|\"managedFields\":|\"time\":|[{}\\[\\],]){0,20}", length in 1_usize..9) {
            let read = read(&text, length);
            prop_assert_eq!(read.len(), text.len());
            prop_assert!(read.bytes().zip(text.bytes()).all(|(now, was)| now == was || (now, was) == (b'_', b'e')));
            prop_assert_eq!(read, self::read(&text, text.len().max(1)));
        }
    }
}
