//! What is kept of objects between the way through all files, which makes the
//! Catalog, and their judgement: a few hundred bytes of each.
//!
//! Their places in the files are not kept, since most objects need none.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use fleetgate_webhooks::FieldPath;
use fleetgate_webhooks::field_path::Segment;

use super::contents::Contents;
use super::input::Input;
use super::object::Object;
use super::reading::Reading;
use super::yaml::Extent;

/// Where to find an object again.
#[derive(Debug)]
pub(super) struct Kept {
    /// Which of the files it stands in.
    pub(super) file: usize,
    pub(super) document: Extent,
    /// The steps to the object in its document. Mostly there are none, and a
    /// path would take the room of several.
    pub(super) steps: Box<[Segment]>,
    /// Whether the document's lines may be printed: there is no Secret in it.
    pub(super) may_be_shown: bool,
    /// What tells it from others, if it has a name.
    pub(super) identity: Option<NonZeroU64>,
}

impl Kept {
    /// The object's path in its document.
    pub(super) fn path(&self) -> FieldPath {
        self.steps.to_vec().into()
    }
}

/// The objects of some files, in their order.
#[derive(Debug, Default)]
pub(super) struct Objects {
    kept: Vec<Kept>,
    contents: Contents,
    /// File and line of an object of the same identity that comes before the one of that index: most have none.
    firsts: BTreeMap<usize, String>,
}

impl Objects {
    pub(super) fn push(&mut self, kept: Kept, object: &Object) {
        self.kept.push(kept);
        self.contents.push(&object.value);
    }

    /// Where to find them.
    pub(super) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Notes that the object of that index stands at that place already.
    pub(super) fn mark(&mut self, index: usize, first: String) {
        self.firsts.insert(index, first);
    }

    /// There are no more.
    pub(super) fn finish(&mut self) {
        self.kept.shrink_to_fit();
        self.contents.close();
    }

    /// Hands over every object with the file that it stands in, one of `files`,
    /// which is read only for what is too long to be kept, and with the place
    /// where it stood before. There is no object where the file has changed
    /// meanwhile.
    pub(super) fn for_each<'a>(
        &self,
        files: &'a [Input],
        mut each: impl FnMut(Option<Object>, &Kept, Option<&str>, &mut Reading<'a>),
    ) {
        let mut contents = self.contents.reader();
        let mut firsts = (0..self.kept.len()).map(|index| self.firsts.get(&index).map(String::as_str));
        for of_file in self.kept.chunk_by(|one, other| one.file == other.file) {
            let input = of_file.first().and_then(|kept| files.get(kept.file));
            let Some(mut reading) = input.map(Reading::new) else { continue };
            for kept in of_file {
                let object = match contents.read() {
                    Some(content) => Object::of(content),
                    None => reading.object(kept.document, &kept.steps),
                };
                each(object, kept, firsts.next().flatten(), &mut reading);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::sort;
    use crate::yaml;
    use serde_json::{Value, json};

    /// The objects of those files, and what is kept of them.
    fn objects(files: &[Input]) -> (Vec<Value>, Objects) {
        let (mut values, mut objects) = (Vec::new(), Objects::default());
        for (file, input) in files.iter().enumerate() {
            yaml::read(&input.read().expect("a text"), |document, value| {
                for (path, object) in sort(value.expect("YAML")).ours {
                    let steps = path.segments().into();
                    let kept = Kept { file, document, steps, may_be_shown: true, identity: None };
                    objects.push(kept, &object);
                    values.push(object.value);
                }
            });
        }
        objects.finish();
        (values, objects)
    }

    /// What becomes of them; none where it is not known any more.
    fn again(objects: &Objects, files: &[Input]) -> Vec<Option<Value>> {
        let mut values = Vec::new();
        objects.for_each(files, |object, _, _, _| values.push(object.map(|object| object.value)));
        values
    }

    #[test]
    fn what_is_kept_is_small() {
        assert!(size_of::<Kept>() <= 72 && size_of::<Input>() <= 32);
    }

    #[test]
    fn what_is_kept_is_the_object() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/admission");
        let cases = std::fs::read_dir(folder).expect("the cases");
        let texts =
            cases.map(|entry| std::fs::read_to_string(entry.expect("a case").path()).expect("the case"));
        let files: Vec<Input> = texts.map(Input::stdin).collect();
        let (values, objects) = objects(&files);
        assert_eq!(again(&objects, &files), values.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn applications_are_kept_and_not_read_again() {
        let text = include_str!("../../tests/cases/admission/example-canaryNginx.yaml");
        let (values, objects) = objects(&[Input::stdin(text.to_owned())]);
        let changed = [Input::stdin("changed".to_owned())];
        assert_eq!(again(&objects, &changed), values.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn long_objects_are_read_again() {
        let values: Vec<String> = (0_u32..1_500).map(|number| format!("v{}", number.pow(3))).collect();
        let long = json!({"metadata": {"name": "long"}, "values": values});
        let list = json!({"apiVersion": "apps.kurator.dev/v1alpha1", "kind": "ApplicationList", "items": [long, long]});
        let files = [Input::stdin(format!("# a comment\n---\n{list}"))];
        let (values, objects) = objects(&files);
        assert_eq!(again(&objects, &files), values.into_iter().map(Some).collect::<Vec<_>>());
        assert_eq!(again(&objects, &[Input::stdin("changed".to_owned())]), [None, None]);
    }
}
