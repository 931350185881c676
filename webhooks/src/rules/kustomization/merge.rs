//! The part of `kustomization/patch-target` about strategic merge patches.

use super::document::Node;
use super::patch::PATCH_TARGET;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

/// Each document is a patch of the object that it names; with a target there
/// may be one only, and its name decides nothing.
pub(super) fn check(documents: &[Node], has_target: bool, path: &FieldPath, findings: &mut Findings) {
    let error = |message: String| Finding::error(&PATCH_TARGET, path.clone(), Fault::Invalid, message);
    let is_nothing = |node: &Node| match node {
        Node::Null => true,
        Node::List(items) => items.is_empty(),
        Node::Map(fields) => fields.is_empty(),
        Node::Scalar(_) | Node::Unknown => false,
    };
    let patches: Vec<&Node> = documents.iter().filter(|node| !is_nothing(node)).collect();
    for patch in &patches {
        if let Some(message) = fault(patch, has_target) {
            findings.push(error(message.to_owned()));
        }
    }
    if has_target && patches.len() > 1 {
        let message = "may not hold several documents where there is a target";
        findings.push(error(message.to_owned()).hint("make each a patch of its own"));
    }
}

fn fault(patch: &Node, has_target: bool) -> Option<&'static str> {
    match patch {
        Node::Map(_) => {}
        Node::Unknown => return None,
        Node::Null | Node::Scalar(_) | Node::List(_) => {
            return Some("must be an object to merge, or a list of RFC 6902 operations");
        }
    }
    let is_missing = |node: &Node| match node {
        Node::Scalar(text) => text.is_empty(),
        Node::Unknown => false,
        Node::Null | Node::List(_) | Node::Map(_) => true,
    };
    if is_missing(patch.field("kind")) {
        return Some("must have a kind, as every strategic merge patch");
    }
    // A list's items are patches; they are left to kustomize.
    if matches!(patch.field("kind"), Node::Scalar(kind) if kind.ends_with("List")) {
        return None;
    }
    let metadata = patch.field("metadata");
    let has_metadata = matches!(metadata, Node::Map(_) | Node::Unknown);
    if !has_metadata || is_missing(metadata.field("name")) {
        return Some(
            "must have a metadata.name, as every strategic merge patch; with a target, any name will do",
        );
    }
    if !has_target && is_missing(patch.field("apiVersion")) {
        return Some("must have an apiVersion where there is no target, or it matches no object");
    }
    let is_list = |field: &str| matches!(metadata.field(field), Node::List(items) if !items.is_empty());
    if is_list("labels") || is_list("annotations") {
        return Some("must have labels and annotations as mappings: a list makes kustomize panic");
    }
    None
}
