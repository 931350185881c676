//! A namespace with clusters that nobody answers for, Applications that deliver
//! to half of them, and a controller that reaches the API server through a proxy.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use fleetgate_api::{Application, AttachedCluster};
use fleetgate_plan::FluxKind;
use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Proxy, Sandbox, Verb};
use futures::{StreamExt as _, stream};
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::PATIENCE;
use crate::delivery::ready;
use crate::replica::Replica;
use crate::support::{apply, kubectl};

/// What the Applications become.
pub(super) const KINDS: [FluxKind; 2] = [FluxKind::GitRepository, FluxKind::Kustomization];

/// The Secret of which each cluster's kubeconfig would be a key.
pub(super) const SECRET: &str = "members";

/// Which clusters an Application delivers to: every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Even,
    Odd,
}

impl Half {
    const fn label(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }

    const fn of(cluster: usize) -> Self {
        if cluster.is_multiple_of(2) { Self::Even } else { Self::Odd }
    }
}

pub(super) struct Stage<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) namespace: &'static str,
    pub(super) proxy: Proxy,
    clusters: usize,
    kubeconfig: PathBuf,
}

impl<'a> Stage<'a> {
    /// With so many clusters, all in the Fleet `all`.
    pub(super) async fn set(sandbox: &'a Sandbox, namespace: &'static str, clusters: usize) -> Self {
        kubectl(sandbox, &["create", "namespace", namespace]).await;
        let api: Api<AttachedCluster> = Api::namespaced(sandbox.client(), namespace);
        let all: Vec<AttachedCluster> = (0..clusters).map(cluster).collect();
        stream::iter(&all).for_each_concurrent(16, |cluster| create(&api, cluster)).await;
        let members =
            all.iter().map(|cluster| json!({"kind": "AttachedCluster", "name": cluster.name_any()}));
        let fleet = json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "all"}, "spec": {"clusters": members.collect::<Vec<_>>()},
        });
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}});
        let proxy = sandbox.proxy().await.expect("the proxy listens");
        let kubeconfig = proxy.kubeconfig(sandbox.controller_kubeconfig()).expect("a kubeconfig");
        let stage = Self { sandbox, namespace, proxy, clusters, kubeconfig };
        stage.apply(vec![secret, fleet]).await;
        stage
    }

    /// Starts a controller that looks after this namespace alone.
    pub(super) fn controller(&self, flags: &[&str]) -> Replica {
        Replica::through(&self.kubeconfig, &[&["--watch-namespaces", self.namespace], flags].concat())
    }

    /// Applies objects of this namespace.
    pub(super) async fn apply(&self, mut objects: Vec<Value>) {
        for object in &mut objects {
            object["metadata"]["namespace"] = self.namespace.into();
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let answer = apply(self.sandbox, &list).await;
        assert!(answer.success(), "{}", answer.stderr);
    }

    /// Applies the Applications of these numbers, each to deliver to that half.
    pub(super) async fn deliver(&self, applications: Range<usize>, half: Half) {
        self.apply(applications.map(|number| application(number, half)).collect()).await;
    }

    /// What the Application of that number has on the clusters of that half.
    pub(super) fn on(&self, half: Half, application: usize) -> impl Iterator<Item = String> {
        let clusters = (0..self.clusters).filter(move |cluster| Half::of(*cluster) == half);
        clusters.map(move |cluster| format!("Kustomization web-{application}-attachedcluster-m{cluster}"))
    }

    /// Flux's objects of a kind.
    pub(super) fn objects(&self, kind: FluxKind) -> Api<DynamicObject> {
        Api::namespaced_with(self.sandbox.client(), self.namespace, &kind.resource())
    }

    /// All of Flux's objects that stand there.
    pub(super) async fn standing(&self) -> kube::Result<Vec<(FluxKind, DynamicObject)>> {
        let mut standing = Vec::new();
        for kind in KINDS {
            let objects = self.objects(kind).list(&ListParams::default()).await?;
            standing.extend(objects.into_iter().map(|object| (kind, object)));
        }
        Ok(standing)
    }

    /// Waits until exactly these stand there; returns them.
    pub(super) async fn stands(&self, expected: &BTreeSet<String>) -> Vec<DynamicObject> {
        let seen = until("exactly what was asked for", PATIENCE, async || {
            let standing = match self.standing().await {
                Ok(standing) => standing,
                Err(error) => return Ok(Probe::NotYet(error.to_string())),
            };
            let named =
                standing.iter().map(|(kind, object)| format!("{} {}", kind.kind(), object.name_any()));
            let named: BTreeSet<String> = named.collect();
            Ok(if named == *expected {
                Probe::Done(standing.into_iter().map(|(_, object)| object).collect())
            } else {
                let (more, less) = (named.difference(expected), expected.difference(&named));
                Probe::NotYet(format!("{more:?} too many, {less:?} missing"))
            })
        });
        seen.await.expect("the right set")
    }

    /// Waits until that is said of every Application: of its Ready condition, as `False Progressing 0/2`.
    pub(super) async fn is_said(&self, expected: &str) {
        let applications: Api<Application> = Api::namespaced(self.sandbox.client(), self.namespace);
        let seen = until("what is said of the Applications", PATIENCE, async || {
            let all = applications.list(&ListParams::default()).await?;
            let all: Vec<Value> = all.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
            let other = all.iter().map(ready).find(|said| !said.starts_with(expected));
            Ok(other.map_or(Probe::Done(()), Probe::NotYet))
        });
        seen.await.expect("what is said");
    }

    /// How often a controller asked to write one of Flux's objects.
    pub(super) fn writes(&self) -> usize {
        let kinds = KINDS
            .into_iter()
            .flat_map(|kind| [Verb::Apply, Verb::Delete].map(|verb| self.proxy.count(verb, kind.plural())));
        kinds.sum()
    }

    /// Waits for the very moment at which the controller asks for that write.
    pub(super) async fn asked(&self, writes: usize) {
        let asked = timeout(PATIENCE, self.proxy.when(|_| self.writes() >= writes)).await;
        asked.unwrap_or_else(|_| panic!("only {} of {writes} writes were asked for", self.writes()));
    }

    /// How often one of Flux's objects that stood there already was written again.
    pub(super) fn written_again(&self) -> usize {
        self.answered(200..=200)
    }

    /// How often the API server answered a write of one of Flux's objects so: with 201 where it created it.
    pub(super) fn answered(&self, codes: RangeInclusive<u16>) -> usize {
        let answers = KINDS.into_iter().flat_map(|kind| self.proxy.answers(Verb::Apply, kind.plural()));
        answers.filter(|(code, _)| codes.contains(code)).map(|(_, count)| count).sum()
    }
}

/// The source of the Application of that number.
pub(super) fn source(application: usize) -> String {
    format!("GitRepository app-{application}")
}

/// Creates a cluster, also at an API server that is too busy to answer at once.
async fn create(api: &Api<AttachedCluster>, cluster: &AttachedCluster) {
    let created = until("a cluster to be created", PATIENCE, async || {
        Ok(match api.create(&PostParams::default(), cluster).await {
            Ok(_) => Probe::Done(()),
            // It was carried out before, and not answered.
            Err(kube::Error::Api(status)) if status.code == 409 => Probe::Done(()),
            Err(error) => Probe::NotYet(error.to_string()),
        })
    });
    created.await.expect("it is created");
}

fn cluster(number: usize) -> AttachedCluster {
    let cluster = json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": format!("m{number}"), "labels": {"half": Half::of(number).label()}},
        "spec": {"kubeconfig": {"name": SECRET, "key": format!("m{number}")}},
    });
    serde_json::from_value(cluster).expect("a cluster")
}

/// An Application of one policy, to the clusters of that half.
pub(super) fn application(number: usize, half: Half) -> Value {
    let destination = json!({"fleet": "all", "clusterSelector": {"matchLabels": {"half": half.label()}}});
    let policy = json!({
        "name": format!("web-{number}"), "destination": destination,
        "kustomization": {"interval": "5m", "path": "./deploy", "prune": true},
    });
    json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number}")},
        "spec": {
            "source": {"gitRepository": {"url": "https://example.com/r", "interval": "3m"}},
            "syncPolicies": [policy],
        },
    })
}
