//! What delivery costs the API server, by its own count. In a sandbox of its own,
//! where nobody else writes what is counted, and where no Flux runs.

use std::collections::BTreeMap;

use fleetgate_sandbox::tools::flux_crds;
use fleetgate_sandbox::{Action, Rule, Scope, Verb};
use serde_json::json;

use super::*;
use crate::replica::Replica;
use crate::support::{install_crds, options, own, terminate};

const APPLICATIONS: usize = 20;

/// Of each a source, and a policy on two clusters.
const CHILDREN: usize = 3 * APPLICATIONS;

#[tokio::test(flavor = "multi_thread")]
async fn a_child_costs_one_request_and_nothing_is_written_while_nothing_changes() {
    let sandbox = &with_fluxs_crds().await;
    let mut controller = Replica::start(sandbox, &[]);
    controller.says("fleetgate_leader 1", PATIENCE).await;
    deliver(sandbox).await;
    settled(sandbox).await;
    let one_each = BTreeMap::from([("APPLY".to_owned(), CHILDREN)]);
    assert_eq!(flux_requests(sandbox).await, one_each, "and no question");

    look_again(sandbox, &controller).await;
    let statuses = status_writes(sandbox).await;
    assert_eq!(flux_requests(sandbox).await, one_each, "nothing changed");

    assert!(terminate(&mut controller.process).await.success());
    let controller = Replica::start(sandbox, &[]);
    look_again(sandbox, &controller).await;
    assert_eq!(flux_requests(sandbox).await, one_each, "a restart changes nothing");
    assert_eq!(status_writes(sandbox).await, statuses, "of the statuses neither");

    let child = ["kustomization", "web-3-attachedcluster-m1"];
    let drift = ["--type=merge", "--patch", r#"{"spec":{"path":"./elsewhere"}}"#];
    kubectl(sandbox, &[&["patch"], &child[..], &drift].concat()).await;
    let path = [&["get"], &child[..], &["--output", "jsonpath={.spec.path}"]].concat();
    let mended = until("the path to be mended", PATIENCE, async || {
        let seen = kubectl(sandbox, &path).await.stdout;
        Ok(if seen == "./deploy" { Probe::Done(()) } else { Probe::NotYet(seen) })
    });
    mended.await.expect("drift is mended");
    look_again(sandbox, &controller).await;
    assert_eq!(flux_requests(sandbox).await.get("APPLY"), Some(&(CHILDREN + 1)), "drift costs one");
}

/// The watches of Flux's objects say nothing, and the answer to a write is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_watch_and_a_lost_answer_cause_no_second_write() {
    let sandbox = &with_fluxs_crds().await;
    let proxy = sandbox.proxy().await.expect("the proxy listens");
    let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
    let controller = Replica::through(&kubeconfig, &[]);
    // By then it has listed what there is.
    controller.says("fleetgate_reconcile_seconds_count", PATIENCE).await;
    for resource in ["gitrepositories", "kustomizations"] {
        proxy.freeze(resource);
    }
    proxy.add(Rule::new(Action::Lose).verb(Verb::Apply).resource("kustomizations").times(1));
    deliver(sandbox).await;
    let looked = until("the API server to be asked what stands there", PATIENCE, async || {
        let asked = proxy.count(Verb::Get, "kustomizations");
        Ok(if asked == 1 { Probe::Done(()) } else { Probe::NotYet(format!("{:?}", proxy.asked())) })
    });
    looked.await.expect("it is asked");
    settled(sandbox).await;
    look_again(sandbox, &controller).await;
    let applied = || ["gitrepositories", "kustomizations"].map(|resource| proxy.count(Verb::Apply, resource));
    assert_eq!(applied(), [APPLICATIONS, 2 * APPLICATIONS + 1], "one was tried again, and refused");
    for resource in ["gitrepositories", "kustomizations"] {
        proxy.thaw(resource);
    }
    look_again(sandbox, &controller).await;
    assert_eq!(applied(), [APPLICATIONS, 2 * APPLICATIONS + 1], "what the watch tells of is no news");
    assert_eq!(proxy.count(Verb::Get, "kustomizations"), 1);
}

/// A host with a gate and Flux's CRDs, where nothing else runs.
pub(crate) async fn with_fluxs_crds() -> Sandbox {
    let sandbox = own(options(Scope::Admission)).await;
    install_crds(&sandbox, &flux_crds().expect("Flux's CRDs")).await;
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": clusters()});
    assert!(apply(&sandbox, &objects.to_string()).await.success());
    sandbox
}

/// Applies every Application.
async fn deliver(sandbox: &Sandbox) {
    let applications: Vec<Value> = (0..APPLICATIONS).map(application).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": applications});
    assert!(apply(sandbox, &list.to_string()).await.success());
}

/// Two clusters with their Secrets, and the Fleet of both.
fn clusters() -> Vec<Value> {
    let names = ["m1", "m2"];
    let cluster = |name: &str| {
        json!({
            "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
            "metadata": {"name": name, "namespace": "default"}, "spec": {"kubeconfig": {"name": name}},
        })
    };
    let members = names.map(|name| json!({"kind": "AttachedCluster", "name": name}));
    let fleet = json!({
        "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
        "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": members},
    });
    let secret = |name: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "default"}});
    names.map(secret).into_iter().chain(names.map(cluster)).chain([fleet]).collect()
}

pub(super) fn application(number: usize) -> Value {
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}"), "namespace": "default"},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/r", "interval": "3m"}},
            "syncPolicies": [{
                "name": format!("web-{number}"), "destination": {"fleet": "quickstart"},
                "kustomization": {"interval": "5m", "path": "./deploy", "prune": true},
            }],
        },
    })
}

/// Waits until every Application has its children and says so. Asks for lists
/// alone, which are not counted.
async fn settled(sandbox: &Sandbox) {
    let every = ["get", "applications,gitrepositories,kustomizations", "--output", "json"];
    let seen = until("every child, and every status", PATIENCE, async || {
        let objects: Value = serde_json::from_str(&kubectl(sandbox, &every).await.stdout)?;
        let objects = objects["items"].as_array().cloned().unwrap_or_default();
        let applications = objects.iter().filter(|object| object["kind"] == "Application");
        let said = applications.filter(|object| object["status"]["ready"] == "0/2").count();
        let is_met = said == APPLICATIONS && objects.len() == APPLICATIONS + CHILDREN;
        Ok(if is_met { Probe::Done(()) } else { Probe::NotYet(format!("{said} of {}", objects.len())) })
    });
    seen.await.expect("it settles");
}

/// Has every Application looked at once more, and waits for it.
async fn look_again(sandbox: &Sandbox, controller: &Replica) {
    controller.says("fleetgate_leader 1", PATIENCE).await;
    let before = reconciles(controller).await;
    let again = format!("again={before}");
    kubectl(sandbox, &["annotate", "applications", "--all", "--overwrite", &again]).await;
    let seen = until("every Application to be looked at", PATIENCE, async || {
        let looks = reconciles(controller).await;
        Ok(if looks >= before + APPLICATIONS { Probe::Done(()) } else { Probe::NotYet(looks.to_string()) })
    });
    seen.await.expect("they are looked at");
}

async fn reconciles(controller: &Replica) -> usize {
    let numbers = controller.get("/metrics").await.expect("its numbers");
    sum(&numbers, |line| {
        line.starts_with("fleetgate_reconcile_seconds_count{") && line.contains("controller=\"application\"")
    })
}

/// How often the API server was asked for one of Flux's objects, or to write
/// it, by the word that it has for that.
async fn flux_requests(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let numbers = api_server_numbers(sandbox).await;
    let mut requests = BTreeMap::new();
    for verb in ["GET", "POST", "PUT", "PATCH", "APPLY", "DELETE"] {
        let asked = sum(&numbers, |line| {
            line.contains("toolkit.fluxcd.io\"") && line.contains(&format!("verb=\"{verb}\""))
        });
        if asked > 0 {
            requests.insert(verb.to_owned(), asked);
        }
    }
    requests
}

async fn status_writes(sandbox: &Sandbox) -> usize {
    sum(&api_server_numbers(sandbox).await, |line| {
        line.contains("resource=\"applications\"") && line.contains("subresource=\"status\"")
    })
}

async fn api_server_numbers(sandbox: &Sandbox) -> String {
    let numbers = kubectl(sandbox, &["get", "--raw", "/metrics"]).await.stdout;
    numbers.lines().filter(|line| line.starts_with("apiserver_request_total{")).fold(
        String::new(),
        |mut lines, line| {
            lines.push_str(line);
            lines.push('\n');
            lines
        },
    )
}

/// The sum of the numbers of those lines.
fn sum(numbers: &str, is_counted: impl Fn(&str) -> bool) -> usize {
    let counted = numbers.lines().filter(|line| is_counted(line));
    counted.filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok()).sum()
}
