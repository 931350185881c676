//! What objects hold, between the way through all files and their judgement.
//!
//! Parsing costs more than judging, so that an object is parsed once. The
//! objects of a folder are alike: many of them compressed together take little
//! more than one of them.

use std::slice;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use serde_json::{Deserializer, Value};

/// How much JSON is compressed together, in bytes: LZ4 looks back no further.
const BLOCK: usize = 64 * 1024;
/// What an object may take on average, in bytes; those that take more are read
/// again.
const MOST: usize = 512;
/// As many objects are taken for granted, so that one alone may take more.
const FEW: usize = 8;

/// The contents of objects, in their order.
#[derive(Debug, Default)]
pub(super) struct Contents {
    blocks: Vec<Block>,
    /// How many objects the last block is to have, and their JSON.
    open: (usize, Vec<u8>),
}

#[derive(Debug)]
struct Block {
    objects: usize,
    /// Their JSON, one after the other, if it is kept.
    json: Option<Box<[u8]>>,
}

impl Contents {
    pub(super) fn push(&mut self, content: &Value) {
        let (objects, json) = &mut self.open;
        *objects += 1;
        if serde_json::to_writer(&mut *json, content).is_err() || json.len() >= BLOCK {
            self.close();
        }
    }

    /// Nothing more is to come, for now.
    pub(super) fn close(&mut self) {
        let (objects, json) = std::mem::take(&mut self.open);
        if objects > 0 {
            let json = compress_prepend_size(&json);
            let is_short = json.len() <= objects.max(FEW) * MOST;
            self.blocks.push(Block { objects, json: is_short.then(|| json.into_boxed_slice()) });
        }
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { blocks: self.blocks.iter(), objects: 0, json: Vec::new(), position: 0 }
    }
}

/// Reads one content after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    blocks: slice::Iter<'a, Block>,
    /// How many objects are left in the block that is read.
    objects: usize,
    json: Vec<u8>,
    position: usize,
}

impl Reader<'_> {
    /// The content of the next object; none, if it is not kept.
    pub(super) fn read(&mut self) -> Option<Value> {
        if self.objects == 0 {
            let block = self.blocks.next()?;
            let json = block.json.as_deref().and_then(|json| decompress_size_prepended(json).ok());
            (self.objects, self.json, self.position) = (block.objects, json.unwrap_or_default(), 0);
        }
        self.objects -= 1;
        let mut contents = Deserializer::from_slice(self.json.get(self.position..)?).into_iter();
        let content = contents.next()?.ok();
        // Behind one that cannot be read, which is nested too deeply, there is nothing.
        self.position = content.as_ref().map_or(self.json.len(), |_| self.position + contents.byte_offset());
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(contents: &[Value]) -> Contents {
        let mut kept = Contents::default();
        for content in contents {
            kept.push(content);
        }
        kept.close();
        kept
    }

    fn read(kept: &Contents, count: usize) -> Vec<Option<Value>> {
        let mut reader = kept.reader();
        (0..count).map(|_| reader.read()).collect()
    }

    /// Something that cannot be compressed.
    fn noise(length: usize) -> Value {
        let mut state = 1_u64;
        let numbers = (0..length / 20).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        });
        json!(numbers.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_kept_is_read() {
        let contents: Vec<Value> =
            (0..5_000).map(|number| json!({"number": number, "texts": ["a", "b\n"]})).collect();
        let kept = kept(&contents);
        assert!(kept.blocks.len() > 1);
        assert_eq!(read(&kept, contents.len()), contents.into_iter().map(Some).collect::<Vec<_>>());
        let length: usize =
            kept.blocks.iter().filter_map(|block| block.json.as_ref()).map(|json| json.len()).sum();
        assert!(length < 5_000 * 20, "{length}");
    }

    #[test]
    fn long_contents_are_not_kept() {
        let [short, long] = [json!({"a": 1}), noise(BLOCK)];
        let kept = kept(&[short.clone(), long, short.clone()]);
        assert_eq!(read(&kept, 4), [None, None, Some(short), None]);
    }

    #[test]
    fn what_is_nested_too_deeply_hides_nothing_that_is_there() {
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let kept = kept(&[json!(1), deep, json!(2)]);
        assert_eq!(read(&kept, 3), [Some(json!(1)), None, None]);
    }
}
