//! The rule about policies that a change gives another name, unasked.

use std::collections::{HashMap, HashSet};

use fleetgate_api::Application;
use fleetgate_api::application::SyncPolicy;

use super::named;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::rules::{Example, Input, Rule, WARNS};

/// `policy/renumbered`
pub const RENUMBERED: Rule = Rule {
    code: "policy/renumbered",
    severities: WARNS,
    what: "On an update: a policy that is stored already gets another name, because it has none of its own and stands at another index, or because it is given one.",
    why: "A policy without a name is called `<application>-<index>`; what it delivers under the old name is removed, and created again under the new one.",
    example: Example::update(
        r#"spec.syncPolicies: [{"kustomization": {"interval": "5m", "path": "./web", "prune": true}}]"#,
        r#"spec.syncPolicies: [{"kustomization": {"interval": "5m", "path": "./base", "prune": true}}, {"kustomization": {"interval": "5m", "path": "./web", "prune": true}}]"#,
        r#"spec.syncPolicies: [{"kustomization": {"interval": "5m", "path": "./web", "prune": true}}, {"kustomization": {"interval": "5m", "path": "./base", "prune": true}}]"#,
    ),
};

/// One policy put in front renames all: so many are said one by one.
const SAID: usize = 5;

/// A policy as it is compared: what it does, whatever it is called.
struct Entry<'a> {
    index: usize,
    name: String,
    is_unnamed: bool,
    content: String,
    policy: &'a SyncPolicy,
}

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    let Some(old) = input.old else { return };
    let is_unnamed = |application: &Application| application.spec.sync_policies.iter().any(has_no_name);
    // A policy that goes by its own name, before and after, was renamed knowingly.
    if !is_unnamed(old) && !is_unnamed(input.application) {
        return;
    }
    let (old, new) = (entries(old), entries(input.application));
    let (stored, wanted) = (names_of(&old), names_of(&new));
    // Policies of one content keep names between them, whichever is which.
    let mut freed: HashMap<&str, Vec<&Entry<'_>>> = HashMap::new();
    for entry in
        old.iter().rev().filter(|entry| !wanted.contains(&(entry.content.as_str(), entry.name.as_str())))
    {
        freed.entry(&entry.content).or_default().push(entry);
    }
    let mut all = Vec::new();
    for entry in new.iter().filter(|entry| !stored.contains(&(entry.content.as_str(), entry.name.as_str()))) {
        let before = freed.get_mut(entry.content.as_str()).and_then(Vec::pop);
        if let Some(before) = before.filter(|before| before.is_unnamed || entry.is_unnamed) {
            all.push((before, entry));
        }
    }
    findings.extend(all.iter().take(SAID).map(|(before, entry)| renamed(before, entry)));
    if all.len() > SAID {
        let message = format!("{} more are renamed, too", all.len() - SAID);
        let path = FieldPath::spec().field("syncPolicies");
        findings.push(Finding::warning(&RENUMBERED, path, Fault::Invalid, message));
    }
}

pub(super) fn has_no_name(policy: &SyncPolicy) -> bool {
    policy.name.as_deref().is_none_or(str::is_empty)
}

fn entries(application: &Application) -> Vec<Entry<'_>> {
    let entries = named(application).map(|(index, policy, name)| {
        let nameless = SyncPolicy { name: None, ..policy.clone() };
        let content = serde_json::to_string(&nameless).unwrap_or_default();
        Entry { index, name: name.to_lowercase(), is_unnamed: has_no_name(policy), content, policy }
    });
    entries.collect()
}

fn names_of<'a>(entries: &'a [Entry<'_>]) -> HashSet<(&'a str, &'a str)> {
    entries.iter().map(|entry| (entry.content.as_str(), entry.name.as_str())).collect()
}

fn renamed(before: &Entry<'_>, entry: &Entry<'_>) -> Finding {
    let prunes = entry.policy.kustomization.as_ref().is_none_or(|kustomization| kustomization.prune);
    let consequence = if prunes {
        "what it delivered is removed and created again"
    } else {
        "its Flux objects are replaced"
    };
    let message = format!("was syncPolicies[{}] under another name: {consequence}", before.index);
    let path = FieldPath::policy(entry.index).field("name");
    Finding::warning(&RENUMBERED, path, Fault::Invalid, message)
        .hint(format!("give all a name, this one {:?}", before.name))
}

#[cfg(test)]
mod tests {
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, git_source};
    use serde_json::{Value, json};

    /// `web` is an unnamed policy with the path `web`, `web=a` one called `a`.
    fn policies(texts: &[&str]) -> Value {
        let policy = |text: &&str| {
            let (path, name) = text.split_once('=').unwrap_or((text, ""));
            let mut policy =
                json!({"kustomization": {"interval": "5m", "path": path, "prune": path != "kept"}});
            if !name.is_empty() {
                policy["name"] = json!(name);
            }
            policy
        };
        application(
            "shop",
            json!({"source": git_source(), "syncPolicies": texts.iter().map(policy).collect::<Vec<_>>()}),
        )
    }

    fn said(old: &[&str], new: &[&str]) -> Vec<String> {
        let verdict = judge(Kind::Application, policies(new), Some(&policies(old)), &catalog());
        let renumbered = verdict.findings.iter().filter(|finding| finding.code == "policy/renumbered");
        renumbered.map(|finding| format!("{} {}", finding.path, finding.message)).collect()
    }

    #[test]
    fn stored_policies_keep_their_names() {
        let again = |new: usize, old: usize| {
            format!(
                "spec.syncPolicies[{new}].name was syncPolicies[{old}] under another name: what it delivered is removed and created again"
            )
        };
        let table: [(&[&str], &[&str], Vec<String>); 12] = [
            (&["web"], &["web"], vec![]),
            (&["web"], &["web", "api"], vec![]),
            (&["web"], &["other"], vec![]),
            (&["web"], &["api", "web"], vec![again(1, 0)]),
            (&["web", "api"], &["api"], vec![again(0, 1)]),
            (&["web", "api", "db"], &["api", "web", "db"], vec![again(0, 1), again(1, 0)]),
            (&["web", "web"], &["web"], vec![]),
            (&["web"], &["web", "web"], vec![]),
            (&["web"], &["web=web"], vec![again(0, 0)]),
            (&["web"], &["web=shop-0"], vec![]),
            (&["web=a"], &["api=b", "web=c"], vec![]),
            (&["web=a"], &["web"], vec![again(0, 0)]),
        ];
        for (old, new, expected) in table {
            assert_eq!(said(old, new), expected, "{old:?} {new:?}");
        }
    }

    #[test]
    fn what_is_not_pruned_stays() {
        assert_eq!(
            said(&["kept"], &["api", "kept"]),
            [
                "spec.syncPolicies[1].name was syncPolicies[0] under another name: its Flux objects are replaced"
            ]
        );
    }

    #[test]
    fn many_policies_take_time_in_proportion() {
        let old: Vec<String> = (0..4_000).map(|index| format!("p{}", index % 50)).collect();
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        let new: Vec<&str> = std::iter::once("new").chain(old.iter().copied()).collect();
        let said = said(&old, &new);
        assert_eq!(said.len(), 6);
        assert_eq!(said[5], "spec.syncPolicies 3995 more are renamed, too");
    }
}
