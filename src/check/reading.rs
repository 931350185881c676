//! A file that is looked into once more: for what was too long to be kept, and
//! for the place of what was found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fleetgate_webhooks::FieldPath;

use super::excerpt::{Excerpt, Lines};
use super::input::Input;
use super::object::{Object, sort};
use super::yaml::{self, Extent, Places, Position};

/// A file that is read at the first question about it. Of its documents only
/// the last one is held, so that questions should come in their order.
pub(super) struct Reading<'a> {
    text: Text<'a>,
    objects: Option<(Extent, BTreeMap<FieldPath, Object>)>,
    places: Option<(Extent, Option<Places>, Lines)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        Self { text: Text::Unread(input), objects: None, places: None }
    }

    /// Of a file whose text is there already.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text: Text::Read(text.into()), objects: None, places: None }
    }

    /// Takes out the object at `path` of a document; none if the file has
    /// changed meanwhile.
    pub(super) fn object(&mut self, document: Extent, path: &FieldPath) -> Option<Object> {
        let known = self.objects.take().filter(|(of, _)| *of == document);
        let (_, objects) =
            self.objects.insert(known.unwrap_or_else(|| (document, objects(self.text.of(document)))));
        objects.remove(path)
    }

    /// Where the field at `path` of a document stands, and its line.
    pub(super) fn place(&mut self, document: Extent, path: &FieldPath) -> (Position, Option<Excerpt>) {
        let text = self.text.of(document);
        let known = self.places.take().filter(|(of, ..)| *of == document);
        let known = known.unwrap_or_else(|| (document, Places::of(text), Lines::of(text)));
        let (_, Some(places), lines) = self.places.insert(known) else {
            return (document.start, None);
        };
        let place = places.place(path);
        // Where another document ends in the same line, it may be a Secret.
        let is_whole = place.position.line > 1 || document.start.column == 1;
        let excerpt = if is_whole { lines.excerpt(text, place.position, place.width) } else { None };
        (place.position.after(document.start), excerpt)
    }
}

enum Text<'a> {
    Unread(&'a Input),
    Read(Cow<'a, str>),
}

impl Text<'_> {
    /// A document's text; empty, if it is no longer there.
    fn of(&mut self, document: Extent) -> &str {
        if let Self::Unread(input) = self {
            *self = Self::Read(input.read().unwrap_or_default());
        }
        match self {
            Self::Unread(_) => "",
            Self::Read(text) => document.of(text),
        }
    }
}

fn objects(document: &str) -> BTreeMap<FieldPath, Object> {
    let mut objects = BTreeMap::new();
    yaml::read(document, |_, value| {
        objects.extend(value.into_iter().flat_map(|value| sort(value).ours));
    });
    objects
}
