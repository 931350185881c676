//! Merge keys (`<<`), which do not mean the same to everyone.
//!
//! kubectl's parser merges where `<<` stands: over the keys above it, and below
//! those that follow. To Flux's kustomize, and to the parser that we use, a
//! mapping's own keys win wherever they stand. What comes to the same for all of
//! them is read. On the rest there is no verdict, since it is not one object.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::{Location, MergeKeyPolicy, NonFiniteFloatPolicy, Options, Spanned};

use super::content::Content;
use super::places::{Node, Places, text};
use super::{Position, SyntaxError, options};

/// The key, as it is written.
pub(super) const MERGE: &str = "<<";

/// What may be merged, and the parser's refusal of something else.
pub(super) const NO_MAPPING: &str =
    "what `<<` merges must be a mapping, or a list of mappings that is written there";

/// Whether everyone reads the merge keys of `document` alike.
///
/// # Errors
///
/// At the first one that is not.
pub(super) fn check(document: &str) -> Result<(), SyntaxError> {
    if !document.contains(MERGE) {
        return Ok(());
    }
    let options = as_written(document);
    let Content(mut content) = read(document, options.clone())?;
    let places = Places(read(document, options)?);
    places.restore_texts(document, &mut content)?;
    merged(&places.0, content, document).map(drop)
}

fn read<'de, T: Deserialize<'de>>(document: &'de str, options: Options) -> Result<T, SyntaxError> {
    serde_saphyr::from_str_with_options(document, options).map_err(|error| SyntaxError::from(&error))
}

/// With merge keys as keys like any other, so that none may stand twice.
fn as_written(document: &str) -> Options {
    let mut options = options(document, NonFiniteFloatPolicy::PassThrough);
    options.merge_keys = MergeKeyPolicy::AsOrdinary;
    options
}

/// The content of `node` with all that is merged into it.
fn merged(node: &Spanned<Node>, content: Value, document: &str) -> Result<Value, SyntaxError> {
    match (&node.value, content) {
        (Node::List(nodes), Value::Array(items)) => {
            nodes.iter().zip(items).map(|(node, item)| merged(node, item, document)).collect()
        }
        (Node::Map(nodes), Value::Object(fields)) => {
            let (mut own, mut merge) = (Map::new(), None);
            for (name, value) in fields {
                let Some((key, value_node)) = nodes.get(&name) else { continue };
                let value = merged(value_node, value, document)?;
                if name == MERGE && !is_quoted(*key, document) {
                    merge = Some((*key, mappings(node, value_node, value, *key)?));
                } else {
                    own.insert(name, value);
                }
            }
            let Some((key, mappings)) = merge else { return Ok(own.into()) };
            for (name, value) in mappings.into_iter().flatten() {
                let place = nodes.get(&name).map(|(place, _)| Position::of(Some(*place)));
                let is_above = place.is_some_and(|place| place < Position::of(Some(key)));
                if is_above && own.get(&name).is_some_and(|own| *own != value) {
                    return Err(error(key, overridden(&name)));
                }
                own.entry(name).or_insert(value);
            }
            Ok(own.into())
        }
        (_, content) => Ok(content),
    }
}

/// What is merged into `holder`: one of the mappings after the other, the first of which wins.
fn mappings(
    holder: &Spanned<Node>,
    node: &Spanned<Node>,
    content: Value,
    key: Location,
) -> Result<Vec<Map<String, Value>>, SyntaxError> {
    let is_alias = |node: &Spanned<Node>| node.referenced != node.defined;
    let mappings = match content {
        Value::Object(mapping) => Some(vec![mapping]),
        // kubectl takes no alias of a list; where all stands elsewhere, the alias is another one.
        Value::Array(items) if is_alias(holder) || !is_alias(node) => {
            let mapping = |item| if let Value::Object(mapping) = item { Some(mapping) } else { None };
            items.into_iter().map(mapping).collect()
        }
        _ => None,
    };
    mappings.ok_or_else(|| error(key, NO_MAPPING.to_owned()))
}

/// A text is no merge key. Of what an alias stands for that is not seen.
fn is_quoted(key: Location, document: &str) -> bool {
    text(key, document).is_some_and(|key| key.starts_with(['"', '\'']))
}

fn overridden(name: &str) -> String {
    format!(
        "the key {name} stands above a `<<` that has another value for it: kubectl takes that one, and others \
         do not; put `<<` first"
    )
}

fn error(key: Location, message: String) -> SyntaxError {
    SyntaxError { position: Position::of(Some(key)), message }
}
