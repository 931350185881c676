//! What an API server keeps, and what cannot be read here.
//!
//! A list is read as a whole: one object that cannot be read, of whatever tenant, would keep all others from being
//! listed. Whoever may write an object may have it say
//!
//! - in its `managedFields`, that it was written on the last day of the year 9999, which Jiff's times do not have, or
//!   at an hour that an API server tells as one of the year 10000. Nobody goes by these times, and they may be missing:
//!   their key is made one that is passed over;
//! - values nested deeper than `serde_json` reads, in a spec without a schema, or in `managedFields`. What is below
//!   [`DEEPEST`] is left out. A spec of which something is left out becomes one that no type fits: it is passed over
//!   like any other that cannot be read, and not delivered by halves.

mod position;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body;

use self::position::{Position, Step};

/// How many levels of an answer are read, all around an object included: `serde_json` gives up at 128, and what
/// admission takes has half of that.
const DEEPEST: usize = 100;

/// What the last byte of a time's key becomes.
const PASSED_OVER: u8 = b'_';

/// What stands in place of a spec: of two with one name the last one counts.
const NO_SPEC: &[u8] = br#","spec":"nested too deep""#;

/// An answer that can be read, as far as this is about it.
pub(super) fn readable<B: Body<Data = Bytes>>(body: B) -> impl Body<Data = Bytes, Error = B::Error> {
    let mut answer = Answer::default();
    body.map_frame(move |frame| frame.map_data(|piece| answer.readable(piece)))
}

/// Reads JSON as it comes, in whatever pieces.
#[derive(Debug, Default)]
struct Answer(Position);

/// What becomes of a byte.
#[derive(Clone, Copy, Debug)]
enum Edit {
    /// It is this one instead.
    Other(u8),
    /// This comes before it.
    After(&'static [u8]),
}

impl Answer {
    fn readable(&mut self, piece: Bytes) -> Bytes {
        let edits = piece.iter().enumerate().filter_map(|(at, byte)| Some((at, self.edit(*byte)?)));
        let edits: Vec<(usize, Edit)> = edits.collect();
        if edits.is_empty() {
            return piece;
        }
        let mut readable = Vec::with_capacity(piece.len() + NO_SPEC.len());
        let mut from = 0;
        for (at, edit) in edits {
            readable.extend_from_slice(piece.get(from..at).unwrap_or_default());
            from = match edit {
                Edit::Other(byte) => {
                    readable.push(byte);
                    at + 1
                }
                Edit::After(text) => {
                    readable.extend_from_slice(text);
                    at
                }
            };
        }
        readable.extend_from_slice(piece.get(from..).unwrap_or_default());
        readable.into()
    }

    fn edit(&mut self, byte: u8) -> Option<Edit> {
        match self.0.step(byte) {
            Step::Kept => None,
            Step::EndOfTime => Some(Edit::Other(PASSED_OVER)),
            Step::TooDeep => Some(Edit::Other(b' ')),
            Step::EndOfCut => Some(Edit::After(NO_SPEC)),
        }
    }
}

#[cfg(test)]
mod tests;
