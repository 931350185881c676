//! The part of `kustomization/patch-target` about RFC 6902 operations, by what
//! the library does that kustomize applies them with (`evanphx/json-patch`).

use super::document::Node;
use super::patch::PATCH_TARGET;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

const OPERATIONS: [&str; 6] = ["add", "remove", "replace", "move", "copy", "test"];

/// What can be said of the operations of the patch at `path`.
pub(super) fn check(items: &[Node], path: &FieldPath, findings: &mut Findings) {
    for (index, item) in items.iter().enumerate() {
        if let Some(fault) = fault(item) {
            let message = format!("operation {index} {fault}");
            findings.push(Finding::error(&PATCH_TARGET, path.clone(), Fault::Invalid, message));
        } else if let Some(slip) = slip(item) {
            let message = format!("operation {index} {slip}");
            findings.push(Finding::warning(&PATCH_TARGET, path.clone(), Fault::Invalid, message));
        }
    }
}

/// What the library fails at.
fn fault(item: &Node) -> Option<String> {
    match item {
        Node::Map(_) => {}
        Node::Unknown => return None,
        Node::Null | Node::Scalar(_) | Node::List(_) => {
            return Some("must be an object with op and path".to_owned());
        }
    }
    match item.field("op") {
        Node::Unknown => return None,
        Node::Scalar(op) if OPERATIONS.contains(&op.as_str()) => {}
        _ => return Some(format!("must have an op of {}", OPERATIONS.join(", "))),
    }
    let field = pointers(item).find(|field| !may_be_pointer(item.field(field)))?;
    Some(format!("must have a {field} that begins with /"))
}

/// The fields that the operation has to have, and that are JSON pointers.
fn pointers(item: &Node) -> impl Iterator<Item = &'static str> {
    let reads_from = matches!(item.field("op"), Node::Scalar(op) if op == "move" || op == "copy");
    ["path", "from"].into_iter().take(1 + usize::from(reads_from))
}

/// The empty pointer is the whole object.
fn may_be_pointer(node: &Node) -> bool {
    match node {
        Node::Unknown => true,
        Node::Scalar(pointer) => pointer.is_empty() || pointer.contains('/'),
        Node::Null | Node::List(_) | Node::Map(_) => false,
    }
}

/// What the library takes, though for something else than it says.
fn slip(item: &Node) -> Option<String> {
    let is_relative = |field: &&str| matches!(item.field(field), Node::Scalar(pointer) if !pointer.is_empty() && !pointer.starts_with('/'));
    if let Some(field) = pointers(item).find(is_relative) {
        return Some(format!("has a {field} without / in front: its first step is left out"));
    }
    lacks_value(item).then(|| "has no value, and sets null".to_owned())
}

/// An absent value is `null`, and so is an explicit one, which is no slip.
fn lacks_value(item: &Node) -> bool {
    let sets = matches!(item.field("op"), Node::Scalar(op) if op == "add" || op == "replace");
    let Node::Map(fields) = item else { return false };
    sets && !fields.iter().any(|(key, _)| key == "value" || key == "<<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::kustomization::document::outline;

    fn said(operation: &str) -> String {
        let Ok(Some(Node::List(items))) = outline(&format!("- {operation}")) else {
            panic!("{operation} is no list");
        };
        let mut findings = Findings::default();
        check(&items, &FieldPath::root(), &mut findings);
        let said = findings.iter().map(|finding| format!("{}: {}", finding.severity, finding.message));
        said.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn operations() {
        let op = "error: operation 0 must have an op of add, remove, replace, move, copy, test";
        let path = "error: operation 0 must have a path that begins with /";
        let from = "error: operation 0 must have a from that begins with /";
        let value = "warning: operation 0 has no value, and sets null";
        let table = [
            ("{op: add, path: /a, value: 1}", ""),
            ("{op: add, path: /a/-, value: {b: c}, extra: 1}", ""),
            ("{op: add, path: /a, value: null}", ""),
            ("{op: replace, path: '', value: {}}", ""),
            ("{op: remove, path: /a}", ""),
            ("{op: test, path: /a}", ""),
            ("{op: move, path: /a, from: /b}", ""),
            ("{op: add, path: /a}", value),
            ("{op: replace, path: /a}", value),
            ("{op: Add, path: /a, value: 1}", op),
            ("{OP: add, path: /a, value: 1}", op),
            ("{op: 5, path: /a}", op),
            ("{path: /a}", op),
            ("{}", op),
            ("{op: remove}", path),
            ("{op: remove, path: null}", path),
            ("{op: remove, path: 5}", path),
            ("{op: remove, path: spec}", path),
            (
                "{op: replace, path: spec/replicas, value: 1}",
                "warning: operation 0 has a path without / in front: its first step is left out",
            ),
            ("{op: copy, path: /a}", from),
            ("{op: copy, path: /a, from: b}", from),
            (
                "{op: copy, path: /a, from: b/c}",
                "warning: operation 0 has a from without / in front: its first step is left out",
            ),
            ("text", "error: operation 0 must be an object with op and path"),
            ("null", "error: operation 0 must be an object with op and path"),
            ("{<<: {op: add}, path: /a}", ""),
        ];
        for (operation, expected) in table {
            assert_eq!(said(operation), expected, "{operation}");
        }
    }
}
