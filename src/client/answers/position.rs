//! Where in an answer we are, byte by byte.

use super::DEEPEST;

/// What an object or a list of values is, as far as what cannot be read may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// An object of Kubernetes, a list of such, or what a watch tells.
    Document,
    Items,
    Metadata,
    ManagedFields,
    /// One of them.
    Entry,
    /// A spec, and all in it.
    Spec,
    Elsewhere,
}

impl Place {
    /// What is below, at `key`; the items of a list have none.
    fn below(self, key: &[u8]) -> Self {
        match (self, key) {
            (Self::Document, b"metadata") => Self::Metadata,
            (Self::Document, b"items") => Self::Items,
            (Self::Document, b"object") | (Self::Items, _) => Self::Document,
            (Self::Document, b"spec") | (Self::Spec, _) => Self::Spec,
            (Self::Metadata, b"managedFields") => Self::ManagedFields,
            (Self::ManagedFields, _) => Self::Entry,
            _ => Self::Elsewhere,
        }
    }
}

/// Where in JSON we are.
#[derive(Debug, Default)]
enum Token {
    /// Between texts.
    #[default]
    None,
    Key,
    Text,
}

/// The key of a time.
const TIME: &[u8] = b"time";

/// The longest key that leads anywhere, and one more.
const KEY: usize = "managedFields".len() + 1;

/// What a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that this is about.
    Kept,
    /// The last byte of a time's key.
    EndOfTime,
    /// Part of what is nested too deep.
    TooDeep,
    /// The end of an object of which the spec is nested too deep.
    EndOfCut,
}

/// Where we are.
#[derive(Debug, Default)]
pub(super) struct Position {
    /// Around us, with whether it has keys.
    open: Vec<(Place, bool)>,
    /// How many more there are around us, too deep to be told apart.
    deeper: usize,
    /// Whether the spec of the object around us was nested too deep.
    is_cut: bool,
    token: Token,
    is_escaped: bool,
    /// Whether a text would be a key.
    awaits_key: bool,
    key: [u8; KEY],
    key_length: usize,
}

impl Position {
    /// Goes on by one byte.
    pub(super) fn step(&mut self, byte: u8) -> Step {
        let was_too_deep = self.deeper > 0;
        let step = if matches!(self.token, Token::None) { self.between(byte) } else { self.within(byte) };
        // Of what is just deep enough the brackets stay.
        if was_too_deep && self.deeper > 0 { Step::TooDeep } else { step }
    }

    /// Goes on in a text.
    fn within(&mut self, byte: u8) -> Step {
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'"' {
            self.token = Token::None;
            return Step::Kept;
        } else {
            self.is_escaped = byte == b'\\';
        }
        if !matches!(self.token, Token::Key) {
            return Step::Kept;
        }
        if let Some(place) = self.key.get_mut(self.key_length) {
            *place = byte;
            self.key_length += 1;
        }
        let is_time = self.open.last() == Some(&(Place::Entry, true)) && self.key() == TIME;
        if is_time { Step::EndOfTime } else { Step::Kept }
    }

    fn between(&mut self, byte: u8) -> Step {
        match byte {
            b'"' if self.awaits_key => {
                self.token = Token::Key;
                self.key_length = 0;
            }
            b'"' => self.token = Token::Text,
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => return self.close(),
            b':' => self.awaits_key = false,
            b',' => {
                self.awaits_key = self.deeper == 0 && self.open.last().is_some_and(|(_, has_keys)| *has_keys);
            }
            _ => {}
        }
        Step::Kept
    }

    fn open(&mut self, has_keys: bool) {
        let place = self.below();
        if self.open.len() < DEEPEST {
            self.open.push((place, has_keys));
            self.awaits_key = has_keys;
        } else {
            self.deeper += 1;
            self.is_cut |= place == Place::Spec;
            self.awaits_key = false;
        }
    }

    fn close(&mut self) -> Step {
        self.awaits_key = false;
        if self.deeper > 0 {
            self.deeper -= 1;
            return Step::Kept;
        }
        let is_end = matches!(self.open.pop(), Some((Place::Document, _)));
        if is_end && std::mem::take(&mut self.is_cut) { Step::EndOfCut } else { Step::Kept }
    }

    fn key(&self) -> &[u8] {
        self.key.get(..self.key_length).unwrap_or_default()
    }

    fn below(&self) -> Place {
        self.open.last().map_or(Place::Document, |(place, _)| place.below(self.key()))
    }
}
