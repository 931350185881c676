//! The rule about patches, by what kustomize does with them
//! (`PatchTransformer` of `sigs.k8s.io/kustomize/api`).

use fleetgate_api::flux::Patch;
use serde::de::IgnoredAny;

use super::document::{Node, Unreadable, outline};
use super::{merge, operation};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::target::check_target;
use crate::rules::{DENIES_OR_WARNS, Example, Rule};

/// `kustomization/patch-target`
pub const PATCH_TARGET: Rule = Rule {
    code: "kustomization/patch-target",
    severities: DENIES_OR_WARNS,
    what: "A patch that is neither a strategic merge patch (an object with kind and name, and with apiVersion unless it has a target) nor a list of RFC 6902 operations with a target; an operation that kustomize does not know or that lacks its path. A warning for an operation whose path does not begin with `/`, or without the value that it sets.",
    why: "kustomize fails the whole build; an alias within itself overflows its stack and takes Flux's controller down.",
    example: Example::new(
        r#"spec.syncPolicies[0].kustomization.patches: [{"patch": "[{\"op\": \"remove\", \"path\": \"/spec/replicas\"}]"}]"#,
        r#"spec.syncPolicies[0].kustomization.patches: [{"patch": "[{\"op\": \"remove\", \"path\": \"/spec/replicas\"}]", "target": {"kind": "Deployment"}}]"#,
    ),
};

/// JSON nested more deeply is left to kustomize.
const MAX_JSON_DEPTH: usize = 64;

/// What can be said of one patch; `path` is the place of the whole item.
pub fn check_patch(item: &Patch, path: &FieldPath, findings: &mut Findings) {
    if let Some(target) = &item.target {
        check_target(target, &path.field("target"), findings);
    }
    let text = item.patch.trim();
    let text_path = path.field("patch");
    if text.is_empty() {
        findings.push(Finding::error(&PATCH_TARGET, text_path, Fault::Required, "must hold a patch"));
        return;
    }
    if let Some(message) = faulty_json(text) {
        findings.push(Finding::error(&PATCH_TARGET, text_path, Fault::Invalid, message));
        return;
    }
    let documents = match documents(text) {
        Ok(documents) => documents,
        Err(unreadable) => {
            findings.extend(said_of(unreadable, text_path));
            return;
        }
    };
    match &documents[..] {
        [] => {}
        [Node::List(items), ..] if !items.is_empty() => {
            if item.target.is_none() {
                let message = "must be set for a patch of RFC 6902 operations, which names no object itself";
                findings.push(Finding::error(&PATCH_TARGET, path.field("target"), Fault::Required, message));
            }
            operation::check(items, &text_path, findings);
        }
        documents => merge::check(documents, item.target.is_some(), &text_path, findings),
    }
}

/// A text that begins with a bracket is read as JSON, even where it is YAML.
fn faulty_json(text: &str) -> Option<String> {
    if !text.starts_with('[') || nesting(text) > MAX_JSON_DEPTH {
        return None;
    }
    let error = serde_json::from_str::<IgnoredAny>(text).err()?;
    Some(format!("begins with [ and is read as JSON, which it is not: {error}"))
}

/// No less than the depth of the JSON in `text`.
fn nesting(text: &str) -> usize {
    let mut depth: usize = 0;
    let depths = text.bytes().map(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth
    });
    depths.max().unwrap_or_default()
}

/// The outlines of the documents between the `---` lines, as kustomize cuts them.
fn documents(text: &str) -> Result<Vec<Node>, Unreadable> {
    let text = text.replace("\r\n", "\n");
    let mut documents = Vec::new();
    let (mut start, mut position) = (0, 0);
    for line in text.split_inclusive('\n') {
        if position > 0 && line.ends_with('\n') && is_separator(line) {
            documents.extend(outline(text.get(start..position).unwrap_or_default())?);
            start = position + line.len();
        }
        position += line.len();
    }
    documents.extend(outline(text.get(start..).unwrap_or_default())?);
    Ok(documents)
}

fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").map(str::trim).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

fn said_of(unreadable: Unreadable, path: FieldPath) -> Option<Finding> {
    let message = match unreadable {
        Unreadable::Syntax(words) => format!("must be YAML or JSON: {words}"),
        Unreadable::Recursive => {
            "may not have an alias within what it stands for: kustomize would follow it for ever".to_owned()
        }
        Unreadable::Bomb => "has aliases that become more than a million nodes".to_owned(),
        Unreadable::Unsure => return None,
    };
    Some(Finding::error(&PATCH_TARGET, path, Fault::Invalid, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_fixtures::{codes, git_source, kustomization};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const DENIED: &str = "E kustomization/patch-target";
    const WARNED: &str = "W kustomization/patch-target";

    fn verdict(patch: &str, target: Option<Value>) -> String {
        let mut item = json!({"patch": patch});
        if let Some(target) = target {
            item["target"] = target;
        }
        let mut kustomization = kustomization();
        kustomization["patches"] = json!([item]);
        codes(json!({"source": git_source(), "syncPolicies": [{"kustomization": kustomization}]}))
    }

    /// The verdict without a target, and with one.
    fn verdicts(patch: &str) -> [String; 2] {
        [verdict(patch, None), verdict(patch, Some(json!({"kind": "Deployment"})))]
    }

    const MERGE: &str =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n";

    #[test]
    fn strategic_merges() {
        let two = format!("{MERGE}---\n{MERGE}");
        let table = [
            (MERGE, "", ""),
            (&two, "", DENIED),
            (&format!("---\n{MERGE}---\n# nothing\n"), "", ""),
            (&format!("{MERGE}---\njust text\n"), DENIED, DENIED),
            (&MERGE.replace('\n', "\r\n"), "", ""),
            (&format!("\u{feff}{MERGE}"), "", ""),
            (r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}"#, "", ""),
            ("kind: Service\nmetadata: {name: web}", DENIED, ""),
            ("kind: Service\nmetadata: {name: 5}", DENIED, ""),
            ("kind: Service", DENIED, DENIED),
            ("kind: Service\nmetadata: {}", DENIED, DENIED),
            ("kind: Service\nmetadata: web", DENIED, DENIED),
            ("kind: Service\nmetadata: {name: ''}", DENIED, DENIED),
            ("spec: {replicas: 2}", DENIED, DENIED),
            ("kind: [a]\nmetadata: {name: web}", DENIED, DENIED),
            ("kind: Service\nmetadata: {name: web, labels: [a]}", DENIED, DENIED),
            ("kind: Service\nmetadata: {name: web, labels: []}", DENIED, ""),
            ("kind: DeploymentList\nitems: []", "", ""),
            ("kind: A\nkind: B\nmetadata: {name: web}", DENIED, ""),
            ("apiVersion: v1\nkind: A\nx: &x {name: web}\nmetadata: *x", "", ""),
            ("op: remove\npath: /spec", DENIED, DENIED),
            ("kind: A\nmetadata: {name: web}\nspec:\n  replicas: ${replicas:=1}", DENIED, ""),
        ];
        for (patch, without, with) in table {
            assert_eq!(verdicts(patch), [without, with], "{patch:?}");
        }
    }

    #[test]
    fn operations_have_a_target() {
        let list = r#"[{"op": "replace", "path": "/spec/replicas", "value": 2}]"#;
        let yaml = "- op: replace\n  path: /spec/replicas\n  value: 2\n";
        for patch in
            [list, yaml, "# why\n[{op: remove, path: /spec/replicas}]", "- &a {op: remove, path: /a}\n- *a"]
        {
            assert_eq!(verdicts(patch), [DENIED, ""], "{patch:?}");
        }
        assert_eq!(verdict(yaml, Some(json!({}))), "");
        assert_eq!(verdicts("[{op: remove, path: /spec/replicas}]"), [DENIED, DENIED]);
        assert_eq!(
            verdicts("- op: add\n  path: /a"),
            ["E kustomization/patch-target, W kustomization/patch-target", WARNED]
        );
    }

    #[test]
    fn what_is_no_patch() {
        for patch in ["", " \n ", "just text", "5", "true", "{{{ not yaml", "a: &a [*a]"] {
            assert_eq!(verdicts(patch), [DENIED, DENIED], "{patch:?}");
        }
        for patch in ["# nothing", "null", "{}", "[]", "---\n"] {
            assert_eq!(verdicts(patch), ["", ""], "{patch:?}");
        }
    }

    #[test]
    fn hostile_patches_take_time_in_proportion() {
        let bomb = (1..40).fold("a0: &a0 [x]\n".to_owned(), |bomb, level| {
            format!("{bomb}a{level}: &a{level} [*a{0},*a{0}]\n", level - 1)
        });
        for patch in [
            "[".repeat(700_000),
            "- ".repeat(350_000),
            "{".repeat(700_000),
            bomb.repeat(500),
            "a: b\n---\n".repeat(70_000),
        ] {
            let _ = verdicts(&patch);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}|(- |\\[|op: |add|path: |/a|kind: |metadata: |name: |\\{|\\}|\n|---\n|&a |\\*a|, ){0,20}") {
            let patch = Patch { patch: text, target: None };
            check_patch(&patch, &FieldPath::root(), &mut Findings::default());
        }
    }
}
