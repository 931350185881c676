//! Leaving, as `docs/uninstall.md` has it: its commands are what is run here.

use std::collections::BTreeMap;

use fleetgate_api::names::{FINALIZER_IN_USE, LABEL_JOINED};
use fleetgate_sandbox::Scope;
use kube::ResourceExt;

use super::*;
use crate::support::{options, own};

const RELEASE: &str = "
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: release, namespace: default}
spec:
  source:
    gitRepository: {url: 'https://github.com/stefanprodan/podinfo', interval: 3m, ref: {branch: master}}
  destination: {fleet: quickstart}
  syncPolicies:
    - name: web
      helm:
        interval: 5m
        targetNamespace: released
        install: {createNamespace: true}
        chart: {spec: {chart: ./charts/podinfo}}
";

/// The kubectl commands of a section of the page, without the program's name.
fn commands(section: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(file("docs/uninstall.md")).expect("the page");
    let (_, section) = page.split_once(section).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter_map(|line| line.trim().strip_prefix("$ kubectl "));
    let words = |line: &str| {
        line.split(' ')
            .map(|word| match word.strip_prefix("manifests/") {
                Some(_) => file(word).display().to_string(),
                None => word.to_owned(),
            })
            .collect()
    };
    lines.map(words).collect()
}

/// Looks as the page says until no Secret has the finalizer. The one that was joined is gone by then, the other is not.
async fn is_let_go(sandbox: &Sandbox, words: &[&str]) {
    let seen = until("the Secrets to be let go", PATIENCE, async || {
        let shown = kubectl(sandbox, words).await.stdout;
        Ok(if shown.contains(FINALIZER_IN_USE) { Probe::NotYet(shown) } else { Probe::Done(shown) })
    });
    let shown = seen.await.expect("no finalizer");
    let of_member = |name: &str| shown.lines().any(|line| line.starts_with(name));
    assert!(!of_member("kurator-member1"), "it was joined: {shown}");
    assert!(of_member("kurator-member2"), "it was not: {shown}");
}

/// The uid of every Deployment of a cluster, by namespace and name.
async fn workloads(client: Client) -> BTreeMap<String, String> {
    let found = Api::<Deployment>::all(client).list(&ListParams::default()).await.expect("a list");
    let uid =
        |it: Deployment| (format!("{}/{}", it.namespace().unwrap_or_default(), it.name_any()), it.uid());
    found.into_iter().map(uid).filter_map(|(key, uid)| Some((key, uid?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_as_documented_keeps_the_workloads() {
    let sandbox = &own(options(Scope::Delivery)).await;
    for (manifest, name) in [
        (example("gitrepo-kustomization-demo.yaml"), "gitrepo-kustomization-demo"),
        (RELEASE.to_owned(), "release"),
    ] {
        assert!(apply(sandbox, &manifest).await.success());
        becomes(sandbox, "default", name, "True Succeeded 2/2").await;
    }
    let joined = format!("{LABEL_JOINED}=true");
    let labels = ["label", "secret", "kurator-member1", "--namespace", "default", &joined];
    assert!(kubectl(sandbox, &labels).await.success());
    // The processes do their work here; but what is installed is to go, too.
    for part in ["networkpolicies", "poddisruptionbudgets", "deployments"] {
        let part = file(&format!("manifests/{part}.yaml")).display().to_string();
        kubectl(sandbox, &["apply", "--server-side", "--filename", &part]).await;
    }
    let members = || [0, 1].map(|index| sandbox.member_client(index).expect("a member"));
    let mut before = Vec::new();
    for member in members() {
        before.push(workloads(member).await);
    }
    assert!(before.iter().all(|there| !there.is_empty()), "{before:?}");

    let steps = commands("## Take everything out");
    assert_eq!(steps.len(), 10, "{steps:?}");
    let (roles, last) = (steps.len() - 3, steps.len() - 4);
    for (index, step) in steps.iter().enumerate() {
        if index == roles {
            for process in ["fleetgate-webhook", "fleetgate-controller"] {
                sandbox.terminate(process).await.expect("it stops");
            }
        }
        let words: Vec<&str> = step.iter().map(String::as_str).collect();
        if words.first() == Some(&"get") {
            is_let_go(sandbox, &words).await;
            continue;
        }
        let answer = kubectl(sandbox, &words).await;
        assert!(index != last || answer.stdout.contains("fleetgate"), "{answer:?}");
    }

    let flux = "kustomizations,helmreleases,gitrepositories,helmrepositories,helmcharts";
    let left = kubectl(sandbox, &["get", flux, "--all-namespaces", "--output", "name"]).await;
    assert_eq!(left.stdout, "", "Flux has nothing left to do");
    let install = file("manifests/install.yaml").display().to_string();
    let left =
        kubectl(sandbox, &["get", "--ignore-not-found", "--output", "name", "--filename", &install]).await;
    assert_eq!(left.stdout, "", "nothing is left that was installed");
    for (member, before) in members().into_iter().zip(before) {
        assert_eq!(workloads(member).await, before, "the same objects, and none less");
    }
}
