//! A file that is looked into once more: for what was too long to be kept, and
//! for the place of what was found.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;

use fleetgate_webhooks::FieldPath;
use fleetgate_webhooks::field_path::Segment;

use super::excerpt::{Excerpt, Lines};
use super::input::Input;
use super::object::{Object, sort};
use super::yaml::{self, Extent, Places, Position};

/// A file that is read at the first question about it. Of its documents only
/// the last one is held, so that questions should come in their order.
pub(super) struct Reading<'a> {
    input: &'a Input,
    name: OnceCell<Arc<str>>,
    text: Option<Cow<'a, str>>,
    objects: Option<(Extent, BTreeMap<FieldPath, Object>)>,
    places: Option<(Extent, Option<Places>, Lines)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(input: &'a Input) -> Self {
        Self { input, name: OnceCell::new(), text: None, objects: None, places: None }
    }

    /// Of a file whose text is there already.
    pub(super) fn of(input: &'a Input, text: &'a str) -> Self {
        Self { text: Some(text.into()), ..Self::new(input) }
    }

    /// The file's name for users.
    pub(super) fn file(&self) -> &Arc<str> {
        self.name.get_or_init(|| self.input.name())
    }

    /// Whether it is that file which is looked into.
    pub(super) fn is_of(&self, input: &Input) -> bool {
        ptr::eq(self.input, input)
    }

    /// Takes out the object behind those steps in a document; none if the file has
    /// changed meanwhile.
    pub(super) fn object(&mut self, document: Extent, steps: &[Segment]) -> Option<Object> {
        let known = self.objects.take().filter(|(of, _)| *of == document);
        let known =
            known.unwrap_or_else(|| (document, objects(document.of(text(&mut self.text, self.input)))));
        let (_, objects) = self.objects.insert(known);
        objects.remove(steps)
    }

    /// Where the field at `path` of a document stands, and its line.
    pub(super) fn place(&mut self, document: Extent, path: &FieldPath) -> (Position, Option<Excerpt>) {
        let known = self.places.take().filter(|(of, ..)| *of == document);
        let text = document.of(text(&mut self.text, self.input));
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

/// A file's text; empty, if it is no longer there.
fn text<'t, 'a>(known: &'t mut Option<Cow<'a, str>>, input: &'a Input) -> &'t str {
    known.get_or_insert_with(|| input.read().unwrap_or_default())
}

fn objects(document: &str) -> BTreeMap<FieldPath, Object> {
    let mut objects = BTreeMap::new();
    yaml::read(document, |_, value| {
        objects.extend(value.into_iter().flat_map(|value| sort(value).ours));
    });
    objects
}
