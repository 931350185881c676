//! How events become the Catalog, and whom they wake.

use std::fs;

use super::*;
use futures::{FutureExt, stream};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tracing_subscriber::fmt;

fn guarded<K: DeserializeOwned + Resource>(object: Value) -> DeserializeGuard<K> {
    serde_json::from_value(object).expect("an object")
}

fn application(name: &str, fleet: &str, ready: &str) -> DeserializeGuard<Application> {
    guarded(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"source": {}, "destination": {"fleet": fleet}, "syncPolicies": [{}]},
        "status": {"ready": ready},
    }))
}

async fn feed<K: Decoded + Debug, T: Table<K>>(watch: &CatalogWatch, table: T, events: Vec<Event<K>>) {
    watch.clone().follow("objects".to_owned(), stream::iter(events.into_iter().map(Ok)), table).await;
}

fn cluster(name: &str, env: &str) -> DeserializeGuard<AttachedCluster> {
    guarded(json!({
        "apiVersion": "cluster.kurator.dev/v1alpha1", "kind": "AttachedCluster",
        "metadata": {"name": name, "namespace": "default", "labels": {"env": env}},
        "spec": {"kubeconfig": {"name": name, "key": "value"}},
    }))
}

/// Whom the changes since the last look concern.
fn heard(listener: &mut UnboundedReceiverStream<ObjectKey>) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(Some(key)) = listener.next().now_or_never() {
        names.push(key.name);
    }
    names
}

#[tokio::test]
async fn applications_are_indexed_and_their_status_is_no_change() {
    let watch = CatalogWatch::default();
    let mut changes = watch.catalog.subscribe();
    let mut concerned = watch.applications_concerned();
    let listed = vec![Event::Init, Event::InitApply(application("shop", "a", "0/1")), Event::InitDone];
    feed(&watch, ApplicationTable::default(), listed).await;
    assert!(watch.current().application("default", "shop").is_some());
    assert!(changes.has_changed().expect("a sender"));
    assert_eq!(heard(&mut concerned), ["shop"], "its Fleet may have changed before it was known");
    changes.mark_unchanged();

    feed(&watch, ApplicationTable::default(), vec![Event::Apply(application("shop", "a", "1/1"))]).await;
    assert!(!changes.has_changed().expect("a sender"), "a status is no change");
    assert_eq!(heard(&mut concerned), [""; 0]);
    feed(&watch, ApplicationTable::default(), vec![Event::Apply(application("shop", "b", "1/1"))]).await;
    assert!(changes.has_changed().expect("a sender"));
    assert_eq!(heard(&mut concerned), ["shop"]);

    feed(&watch, ApplicationTable::default(), vec![Event::Init, Event::InitDone]).await;
    assert!(watch.current().application("default", "shop").is_none(), "a resync forgets");
}

#[tokio::test]
async fn a_change_wakes_those_whom_it_concerns_and_nobody_else() {
    let watch = CatalogWatch::default();
    let of_fleet = |name, env: &str| {
        let destination = json!({"fleet": "quickstart", "clusterSelector": {"matchLabels": {"env": env}}});
        guarded(json!({
            "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"source": {}, "destination": destination, "syncPolicies": [{}]},
        }))
    };
    let applications = vec![
        Event::Apply(of_fleet("dev", "dev")),
        Event::Apply(of_fleet("test", "test")),
        Event::Apply(application("elsewhere", "other", "")),
    ];
    feed(&watch, ApplicationTable::default(), applications).await;
    let mut concerned = watch.applications_concerned();
    let mut fleets = watch.fleets_concerned();
    let fleet = |clusters: &[&str]| {
        let clusters: Vec<_> =
            clusters.iter().map(|name| json!({"kind": "AttachedCluster", "name": name})).collect();
        guarded(json!({
            "apiVersion": "fleet.kurator.dev/v1alpha1", "kind": "Fleet",
            "metadata": {"name": "quickstart", "namespace": "default"}, "spec": {"clusters": clusters},
        }))
    };
    let clusters = vec![Event::Apply(cluster("m1", "dev")), Event::Apply(cluster("m2", "test"))];
    feed(&watch, ClusterTable::of(ClusterKind::AttachedCluster), clusters).await;
    assert_eq!(heard(&mut concerned), [""; 0], "they belong to no Fleet");
    feed(&watch, FleetTable::default(), vec![Event::Apply(fleet(&["m1"]))]).await;
    assert_eq!(heard(&mut concerned), ["dev", "test"], "it was missing");
    feed(&watch, FleetTable::default(), vec![Event::Apply(fleet(&["m1", "m2"]))]).await;
    assert_eq!(heard(&mut concerned), ["test"]);
    feed(&watch, FleetTable::default(), vec![Event::Apply(fleet(&["m1", "m2"]))]).await;
    assert_eq!(heard(&mut concerned), [""; 0], "the same again is no change");
    assert_eq!(heard(&mut fleets), ["quickstart", "quickstart"]);
    feed(&watch, ClusterTable::of(ClusterKind::AttachedCluster), vec![Event::Apply(cluster("m1", "prod"))])
        .await;
    assert_eq!(
        (heard(&mut concerned), heard(&mut fleets)),
        (vec!["dev".to_owned()], vec!["quickstart".to_owned()])
    );
    let resync = vec![Event::Init, Event::InitApply(cluster("m1", "prod")), Event::InitDone];
    feed(&watch, ClusterTable::of(ClusterKind::AttachedCluster), resync).await;
    assert_eq!(heard(&mut concerned), ["dev", "test"], "m2 is missing");
}

#[tokio::test]
async fn an_application_that_cannot_be_read_stays_as_it_was() {
    let watch = CatalogWatch::default();
    let broken = guarded(json!({
        "apiVersion": "apps.kurator.dev/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "default"}, "spec": 5,
    }));
    let events = vec![Event::Apply(application("shop", "a", "0/1")), Event::Apply(broken)];
    feed(&watch, ApplicationTable::default(), events).await;
    let catalog = watch.current();
    assert_eq!(catalog.applications_of_fleet("default", "a").count(), 1);
    feed(&watch, ApplicationTable::default(), vec![Event::Delete(application("shop", "a", ""))]).await;
    assert_eq!(watch.current().applications("default").count(), 0);
}

/// What the program logs meanwhile.
fn logged(work: impl FnOnce()) -> String {
    let log = NamedTempFile::new().expect("a file");
    let file = Arc::new(log.reopen().expect("a file"));
    tracing::subscriber::with_default(fmt().with_writer(file).with_ansi(false).finish(), work);
    fs::read_to_string(log.path()).expect("a log")
}

#[test]
fn what_cannot_be_read_is_named_with_its_namespace() {
    let broken = |api_version: &str, kind: &str| {
        json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {"name": "shop", "namespace": "tenant"}, "spec": 5,
        })
    };
    let (application, fleet, cluster) = (
        guarded(broken("apps.kurator.dev/v1alpha1", "Application")),
        guarded(broken("fleet.kurator.dev/v1alpha1", "Fleet")),
        guarded(broken("cluster.kurator.dev/v1alpha1", "AttachedCluster")),
    );
    let mut catalog = Catalog::default();
    let log = logged(|| {
        insert_application(&mut catalog, &application);
        insert_fleet(&mut catalog, &fleet);
        insert_cluster(&mut catalog, &cluster);
    });
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    for line in lines {
        let is_named = ["cannot be read", "namespace=\"tenant\"", "name=\"shop\""];
        assert!(is_named.iter().all(|part| line.contains(part)), "{line}");
    }
}

fn is_done(waiting: &mut (impl Future + Unpin)) -> bool {
    waiting.now_or_never().is_some()
}

/// Their CRD is somebody else's, and so is whether they can be listed.
#[tokio::test(start_paused = true)]
async fn reviews_wait_for_clusters_that_others_provision_only_so_long_and_controllers_do_not_stop() {
    let (watch, provisioned) = (CatalogWatch::default(), ClusterKind::ClusterApi.crd_name());
    watch.expect("Fleets");
    watch.expect(&provisioned);
    let (mut reviews, mut deliveries) = (pin!(watch.suffices()), pin!(watch.synced()));
    let mut pass = async |seconds| {
        time::sleep(Duration::from_secs(seconds)).await;
        (is_done(&mut reviews), is_done(&mut deliveries))
    };
    assert_eq!(pass(0).await, (false, false));
    assert_eq!(pass(100).await, (false, false), "nothing is reviewed without Fleets");
    watch.is_listed("Fleets", true);
    assert_eq!(pass(0).await, (true, false));
    watch.is_listed(&provisioned, true);
    assert!(pin!(watch.synced()).now_or_never().is_some());

    watch.expect(&provisioned);
    let mut reviews = pin!(watch.suffices());
    assert!(!is_done(&mut reviews), "most can be listed in no time");
    time::sleep(PATIENCE).await;
    assert!(is_done(&mut reviews));
}
