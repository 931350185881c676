//! What the examples become, word for word: those that Kurator published (among
//! `tests/cases/admission/`), and our own for every provider
//! (`examples/rollout/`).
//!
//! The expected objects are in `plan/tests/rendered/`, without the load tester,
//! which is the same everywhere. `UPDATE_RENDERED=1 cargo test -p fleetgate-plan`
//! writes them anew; what changed is then for a reader to judge.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fleetgate_api::Application;
use kube::ResourceExt;

use super::{Member, MemberKind, Release, objects};
use crate::Provider;
use crate::names::policy_name;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every example with its name, in order.
fn examples() -> Vec<(String, Application)> {
    let folders = [("tests/cases/admission", "example-"), ("examples/rollout", "")];
    let files = folders.into_iter().flat_map(|(folder, prefix)| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(move |path| name(path).starts_with(prefix))
    });
    let mut examples: Vec<_> = files
        .map(|file| {
            let text = fs::read_to_string(&file).expect("the example");
            (name(&file), serde_saphyr::from_str::<Application>(&text).expect("an Application"))
        })
        .filter(|(_, application)| {
            application.spec.sync_policies.iter().any(|policy| policy.rollout.is_some())
        })
        .collect();
    examples.sort_by(|(one, _), (other, _)| one.cmp(other));
    examples
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn rendered(application: &Application) -> String {
    let mut documents = Vec::new();
    for (index, policy) in application.spec.sync_policies.iter().enumerate() {
        let Some(rollout) = &policy.rollout else { continue };
        let policy = policy_name(&application.name_any(), index, policy);
        let namespace = application.namespace().expect("a namespace");
        let release = Release {
            namespace: &namespace,
            application: &application.name_any(),
            policy: &policy,
            rollout,
            member: Member::default(),
        };
        let objects = objects(&release).expect("it renders");
        let shown = objects
            .iter()
            .filter(|object| !matches!(object.kind, MemberKind::Deployment | MemberKind::Service));
        documents.extend(shown.map(|object| serde_saphyr::to_string(&object.render()).expect("YAML")));
    }
    documents.join("---\n")
}

#[test]
fn they_become_what_is_written_down() {
    let folder = root().join("plan/tests/rendered");
    let update = std::env::var_os("UPDATE_RENDERED").is_some();
    let mut names = BTreeSet::new();
    for (name, application) in examples() {
        let file = folder.join(format!("{name}.yaml"));
        let rendered = rendered(&application);
        if update {
            fs::write(&file, &rendered).expect("it is written");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(rendered, expected, "{name}: see the head of plan/src/flagger/examples.rs");
        names.insert(format!("{name}.yaml"));
    }
    let written = fs::read_dir(&folder).expect("the folder");
    let written = written.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    assert_eq!(written.collect::<BTreeSet<_>>(), names, "each belongs to an example");
}

#[test]
fn every_provider_has_one() {
    let shown: BTreeSet<_> = examples()
        .iter()
        .flat_map(|(_, application)| &application.spec.sync_policies)
        .filter_map(|policy| Provider::of(&policy.rollout.as_ref()?.traffic_routing_provider))
        .collect();
    let missing: Vec<_> = Provider::ALL.into_iter().filter(|provider| !shown.contains(provider)).collect();
    // The two versions of the Gateway API are asked for alike.
    assert_eq!(missing, [Provider::GatewayApiV1Beta1]);
}
